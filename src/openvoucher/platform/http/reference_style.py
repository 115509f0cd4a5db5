"""Style and script of the reference page. Both stand in the page itself and are allowed by their hash."""

STYLE = """
:root { color-scheme: light dark; --page: #ffffff; --side: #f7f8fa; --text: #1d2330; --quiet: #626b7d;
  --line: #e4e7ec; --link: #2457c5; --mark: #eef3ff; --code: #f2f4f7; --panel: #151a24;
  --panel-text: #e3e8f2; --panel-quiet: #93a0b8; --panel-line: #2a3242;
  --get: #1f6feb; --post: #1a7f4b; --put: #a15c07; --delete: #c0362c; --needed: #b3431e }
@media (prefers-color-scheme: dark) { :root { --page: #12151c; --side: #171b24; --text: #e4e8ef;
  --quiet: #98a2b5; --line: #2a303c; --link: #84a9ff; --mark: #1d2740; --code: #1f2530; --panel: #0b0e14;
  --panel-line: #232a37; --get: #6aa5ff; --post: #4cc38a; --put: #e0a352; --delete: #ff8278;
  --needed: #f0935f } }
* { box-sizing: border-box }
html { scroll-behavior: smooth; scroll-padding-top: 1.5rem }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto } }
body { margin: 0; background: var(--page); color: var(--text); display: grid;
  grid-template-columns: 19rem minmax(0, 1fr); font: 15px/1.6 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, sans-serif; -webkit-text-size-adjust: 100% }
a { color: var(--link); text-decoration: none }
a:hover { text-decoration: underline }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 4px }
code, pre, var { font: .87em/1.55 ui-monospace, SFMono-Regular, "SF Mono", Menlo, Consolas,
  "Liberation Mono", monospace; font-style: normal }
p > code, li > code, .note code { background: var(--code); border-radius: 4px; padding: .08em .32em }
ul { list-style: none; margin: 0; padding: 0 }
[hidden] { display: none !important }

nav { position: sticky; top: 0; height: 100vh; background: var(--side); border-right: 1px solid var(--line);
  display: flex; flex-direction: column; padding: 1.1rem 0 0 }
nav .head { display: flex; align-items: baseline; gap: .5rem; padding: 0 1.1rem }
nav .brand { color: var(--text); font-weight: 650; font-size: 1.1rem; letter-spacing: -.01em }
nav .version { color: var(--quiet); font-size: .8rem }
#search { margin: .9rem 1.1rem .4rem; padding: .45rem .65rem; font: inherit; font-size: .9rem; color: inherit;
  background: var(--page); border: 1px solid var(--line); border-radius: 7px }
#nothing { margin: .6rem 1.1rem; color: var(--quiet); font-size: .88rem }
nav .groups { position: relative; overflow-y: auto; padding: .3rem .6rem 2rem; overscroll-behavior: contain }
nav h2 { font-size: .74rem; font-weight: 650; letter-spacing: .05em; text-transform: uppercase;
  margin: 1.1rem .5rem .3rem }
nav h2 a { color: var(--quiet) }
nav li a { display: flex; gap: .55rem; align-items: baseline; color: var(--text); padding: .2rem .5rem;
  border-radius: 6px; font-size: .86rem; line-height: 1.4 }
nav li a:hover { background: var(--line); text-decoration: none }
nav li a.here { background: var(--mark); color: var(--link) }
nav summary { margin: 0 .5rem; font-size: .86rem; color: var(--quiet) }
nav .method { flex: none; width: 2.5rem; font-size: .66rem; padding: 0; background: none; text-align: left }

main { padding: 2.4rem clamp(1.2rem, 3.4vw, 3.4rem) 6rem; max-width: 88rem; width: 100% }
h1 { font-size: 2rem; line-height: 1.2; letter-spacing: -.025em; margin: 0 0 .6rem }
main > section { margin-top: 3.6rem }
main h2 { font-size: 1.45rem; letter-spacing: -.015em; margin: 0 0 .2rem }
main h2 + p { color: var(--quiet); margin: 0 0 .5rem; max-width: 46rem }
header p { max-width: 46rem }
article { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 27rem); gap: 0 2.6rem;
  padding: 2rem 0; border-top: 1px solid var(--line) }
h3 { font-size: 1.12rem; line-height: 1.35; letter-spacing: -.01em; margin: 0 0 .5rem }
h3 a { color: inherit }
.route { display: flex; align-items: baseline; gap: .6rem; margin: 0 0 .8rem }
.path { overflow-wrap: anywhere; font-size: .93em }
.path var { color: var(--link) }
.method { display: inline-block; font: 650 .72rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas,
  monospace; letter-spacing: .02em; border-radius: 5px; padding: .05rem .4rem; background: var(--code) }
.get { color: var(--get) }
.post { color: var(--post) }
.put { color: var(--put) }
.delete { color: var(--delete) }
.text > p { margin: 0 0 .7rem }
.access { color: var(--quiet); font-size: .88rem }

details { margin: .35rem 0 }
summary { cursor: pointer; padding: .25rem 0; font-weight: 600; font-size: .92rem }
summary > * { font-weight: 400 }
summary .type, summary .note, summary .count, .flat .type, .flat .note { margin-left: .5rem }
.flat { font-size: .92rem }
.flat b { font-weight: 600 }
.count { color: var(--quiet); font-size: .84rem }
.props { border-left: 2px solid var(--line); margin: .2rem 0 .6rem .25rem; padding-left: .9rem }
.props > li { padding: .38rem 0; border-bottom: 1px solid var(--line) }
.props > li:last-child { border-bottom: 0 }
.props .name { font-weight: 600; background: none; padding: 0; overflow-wrap: anywhere }
.props p { margin: .1rem 0 0; color: var(--quiet); font-size: .88rem }
.type { color: var(--quiet); font-size: .86rem; overflow-wrap: anywhere }
.props .type { margin-left: .55rem }
.type code { color: var(--text) }
.or { color: var(--quiet); white-space: pre-wrap }
.required { color: var(--needed); font-size: .76rem; margin-left: .55rem }
.note { color: var(--quiet); font-size: .78rem; margin-left: .55rem }
.schema { border-top: 1px solid var(--line); padding: .3rem 0; margin: 0 }
.schema > p { margin: .1rem 0 .4rem; color: var(--quiet); max-width: 46rem }
.schema > summary code { font-weight: 600; font-size: .9rem }
:target > .text h3 a, .schema:target > summary code { color: var(--link) }

.samples { min-width: 0 }
figure { margin: 0 0 .9rem; background: var(--panel); color: var(--panel-text); border-radius: 9px;
  border: 1px solid var(--panel-line); overflow: hidden }
figcaption { display: flex; justify-content: space-between; align-items: center; min-height: 2.1rem;
  font-size: .76rem; color: var(--panel-quiet); padding: .3rem .45rem .3rem .9rem;
  border-bottom: 1px solid var(--panel-line) }
figure button { font: inherit; color: inherit; background: none; border: 1px solid transparent;
  border-radius: 5px; padding: .1rem .5rem; cursor: pointer }
figure button:hover { color: var(--panel-text); border-color: var(--panel-line) }
pre { margin: 0; padding: .75rem .9rem; overflow: auto; max-height: 25rem; font-size: .8rem; tab-size: 2 }
pre code { font-size: inherit }

@media (max-width: 74rem) { article { grid-template-columns: minmax(0, 1fr) } .samples { margin-top: .8rem } }
@media (max-width: 50rem) { body { display: block } main { padding-top: 1.5rem }
  nav { position: static; height: auto; max-height: 45vh; border: 0; border-bottom: 1px solid var(--line) } }
@media print { nav { display: none } body { display: block } }
"""

SCRIPT = """
"use strict";
const search = document.getElementById("search");
const entries = [...document.querySelectorAll("nav li")];
const filter = () => {
  const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for (const entry of entries) entry.hidden = !words.every((word) => entry.dataset.words.includes(word));
  for (const group of document.querySelectorAll("nav section")) {
    group.hidden = !group.querySelector("li:not([hidden])");
    const folded = group.querySelector("details");
    if (folded) folded.open = words.length > 0;
  }
  document.getElementById("nothing").hidden = entries.some((entry) => !entry.hidden);
};
search.addEventListener("input", filter);
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") document.querySelector("nav li:not([hidden]) a")?.click();
  if (event.key === "Escape") { search.value = ""; filter(); search.blur(); }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
  }
});
if (location.protocol.startsWith("http")) {
  for (const origin of document.querySelectorAll(".origin")) origin.textContent = location.origin;
}
const copy = async (code) => {
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    // Without TLS there is no clipboard; with a refusal none for us.
    getSelection().selectAllChildren(code);
    document.execCommand("copy");
  }
};
for (const button of document.querySelectorAll("figure button")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await copy(button.closest("figure").querySelector("code"));
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}
// A schema's name unfolds it where it stands; with a key held, and without scripts, it leads to its place.
document.addEventListener("click", (event) => {
  const link = event.target.closest(".props a.ref");
  const fields = link && document.getElementById(link.hash.slice(1)).querySelector(":scope > .props");
  if (!fields || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const row = link.closest("li");
  const open = row.querySelector(":scope > .unfolded");
  if (open) return open.remove();
  const copied = fields.cloneNode(true);
  copied.classList.add("unfolded");
  row.append(copied);
});
const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.tagName === "DETAILS") { target.open = true; target.scrollIntoView(); }
};
addEventListener("hashchange", reveal);
reveal();
const links = new Map(entries.map((entry) => [entry.firstChild.hash.slice(1), entry.firstChild]));
const watcher = new IntersectionObserver((seen) => {
  for (const one of seen) {
    if (!one.isIntersecting) continue;
    document.querySelector("nav a.here")?.classList.remove("here");
    const link = links.get(one.target.id);
    link.classList.add("here");
    const list = document.querySelector("nav .groups");
    const place = link.offsetTop - list.scrollTop;
    if (place < 40 || place > list.clientHeight - 40) list.scrollTop = link.offsetTop - list.clientHeight / 2;
  }
}, { rootMargin: "-10% 0px -75% 0px" });
for (const article of document.querySelectorAll("article")) watcher.observe(article);
"""
