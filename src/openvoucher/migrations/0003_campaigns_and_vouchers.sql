-- Campaigns, their revisions, vouchers, balances, categories, metadata schemas, the bin.

create table category (
    project_id         integer not null references project (id),
    id                 uuid not null,
    name               text not null,
    hierarchy          bigint not null,
    created_at         timestamptz not null,
    updated_at         timestamptz,
    primary key (project_id, id),
    constraint category_name_is_unique unique (project_id, name)
);

create table metadata_schema (
    project_id         integer not null references project (id),
    id                 uuid not null,
    related_object     text not null,
    properties         jsonb not null,
    allow_defined_only boolean not null,
    created_at         timestamptz not null,
    updated_at         timestamptz,
    primary key (project_id, id),
    constraint metadata_schema_is_unique unique (project_id, related_object)
);

create table campaign (
    project_id         integer not null references project (id),
    id                 uuid not null,
    name               text not null,
    description        text,
    campaign_type      text not null,
    type               text not null,
    -- The newest revision: what a code follows that is bound to none.
    revision           integer not null default 1,
    code_config        jsonb not null,
    is_referral_code   boolean not null,
    auto_join          boolean not null,
    join_once          boolean not null,
    use_voucher_metadata_schema boolean not null,
    active             boolean not null default true,
    -- What the campaign alone keeps: referral program, tiers' expiration …
    settings           jsonb not null,
    metadata           jsonb not null,
    creation_status    text not null,
    -- Generations under way; 0 = vouchers_generation_status DONE (or FAILED).
    generations        integer not null default 0 check (generations >= 0),
    generation_failed  boolean not null default false,
    -- Codes that are there (the bin not counted), and those of them that keep what they had.
    vouchers_count     bigint not null default 0 check (vouchers_count >= 0),
    bound_count        bigint not null default 0 check (bound_count >= 0),
    -- Totals of all time for the summary come from campaign_day.
    created_at         timestamptz not null,
    updated_at         timestamptz,
    deleted_at         timestamptz,
    -- Set when it is being removed for good: its name is free again at once.
    purged             boolean not null default false,
    primary key (project_id, id)
);
create unique index campaign_name_is_unique on campaign (project_id, name) where not purged;
create index campaign_by_creation on campaign (project_id, created_at desc, id desc) where deleted_at is null;

-- What the codes of a campaign inherit. An update writes one row here, whatever the number of codes.
create table campaign_revision (
    project_id         integer not null,
    campaign_id        uuid not null,
    revision           integer not null,
    -- Effective values by wire name (discount, gift, start_date …, metadata).
    inherited          jsonb not null,
    -- Wire name (metadata keys as metadata.<key>) → the revision in which an update last sent it.
    sent               jsonb not null,
    created_at         timestamptz not null,
    primary key (project_id, campaign_id, revision),
    foreign key (project_id, campaign_id) references campaign (project_id, id) on delete cascade
);

-- Counters of the summary, a row a day.
create table campaign_day (
    project_id         integer not null,
    campaign_id        uuid not null,
    day                date not null,
    counter            text not null,
    amount             bigint not null,
    primary key (project_id, campaign_id, day, counter),
    foreign key (project_id, campaign_id) references campaign (project_id, id) on delete cascade
);

create type voucher_type as enum ('DISCOUNT_VOUCHER', 'GIFT_VOUCHER', 'LOYALTY_CARD');

create table voucher (
    id                 uuid not null,
    campaign_id        uuid,
    created_at         timestamptz not null,
    updated_at         timestamptz,
    deleted_at         timestamptz,
    redeemed_quantity  bigint not null default 0 check (redeemed_quantity >= 0),
    published_count    bigint not null default 0 check (published_count >= 0),
    -- The ledger of a gift or loyalty card, from the first posting on (minor units or points).
    -- Before that the card holds what it inherits, and these are null.
    credited           bigint,
    subtracted         bigint,
    spent              bigint,
    balance            bigint,
    project_id         integer not null references project (id),
    -- The campaign revision that a published or redeemed code keeps; null: it follows the newest.
    revision           integer,
    -- The campaign revision in force when `own` was last written.
    own_revision       integer not null default 0,
    type               voucher_type not null,
    active             boolean not null default true,
    code               text collate "C" not null,
    -- What overrides the campaign, by wire name; all of it for a voucher without a campaign.
    own                jsonb,
    primary key (project_id, id),
    constraint voucher_balance_is_not_negative check (balance >= 0),
    constraint voucher_balance_adds_up check (balance = credited - subtracted - spent)
);
create unique index voucher_code_is_unique on voucher (project_id, code);
create index voucher_by_campaign on voucher (project_id, campaign_id, id) where campaign_id is not null;
-- The total of a list without filters is the campaigns' counters and these.
create index voucher_standalone on voucher (project_id, id) where campaign_id is null;

-- Postings. The balance of a card is what it started with and the sum of these.
create table voucher_transaction (
    project_id         integer not null,
    id                 uuid not null,
    voucher_id         uuid not null,
    campaign_id        uuid,
    type               text not null,
    amount             bigint not null,
    total_after        bigint not null,
    balance_after      bigint not null check (balance_after >= 0),
    source             text,
    source_id          text,
    reason             text,
    related_transaction_id uuid,
    created_at         timestamptz not null,
    primary key (project_id, id)
);
create index voucher_transaction_by_voucher on voucher_transaction (project_id, voucher_id, id);
create index voucher_transaction_by_campaign on voucher_transaction (project_id, campaign_id, id)
    where campaign_id is not null;

create table bin_entry (
    project_id         integer not null references project (id),
    id                 uuid not null,
    resource_type      text not null,
    resource_id        uuid not null,
    resource_name      text,
    resource_parent_id uuid,
    created_at         timestamptz not null,
    primary key (project_id, id),
    unique (project_id, resource_type, resource_id)
);
