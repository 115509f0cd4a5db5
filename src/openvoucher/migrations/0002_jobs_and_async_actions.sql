-- Background work: one queue for all of it (docs/adr/0003), and what callers see of it.

create table job (
    project_id         integer not null references project (id),
    id                 uuid not null,
    kind               text not null,
    -- ordered: first come, first served within the project. turns: a portion each, round robin.
    lane               text not null check (lane in ('ordered', 'turns')),
    -- receiving: its input is still coming in; nobody claims it yet.
    state              text not null default 'waiting' check (state in ('receiving', 'waiting', 'done', 'failed')),
    payload            jsonb not null,
    -- Where the next portion starts; committed together with the rows of the portion before it.
    position           bigint not null default 0,
    -- Starts of the portion at `position`, counted before it runs: a portion that kills its process stops here.
    tries              integer not null default 0,
    run_after          timestamptz not null,
    turn_at            timestamptz not null,
    -- Changes with every claim; a worker that lost its claim finds another number here.
    claim              bigint not null default 0,
    error              text,
    created_at         timestamptz not null,
    primary key (project_id, id)
);
create index job_waiting on job (project_id, lane, turn_at) where state = 'waiting';

-- When each project, and each lane of it (lane '' = the project), last had its turn.
create table job_turn (
    project_id         integer not null references project (id),
    lane               text not null,
    turn_at            timestamptz not null,
    primary key (project_id, lane)
);

-- The input of a job, cut into portions while it came in.
create table job_input (
    project_id         integer not null,
    job_id             uuid not null,
    portion            integer not null,
    -- Number of the first row of this portion, from 1, headers not counted.
    first_row          bigint not null,
    data               bytea not null,
    primary key (project_id, job_id, portion),
    foreign key (project_id, job_id) references job (project_id, id) on delete cascade
);
-- Large values stand outside the row as they are: compressing them would cost more than writing them.
alter table job_input alter column data set storage external;

create table async_action (
    project_id         integer not null references project (id),
    id                 uuid not null,
    type               text not null,
    status             text not null check (status in ('ENQUEUED', 'IN_PROGRESS', 'DONE', 'FAILED')),
    request_id         text not null,
    progress           integer not null default 0 check (progress between 0 and 100),
    -- Rows done and rows refused so far; their sum is the number of rows that have an outcome.
    done_count         bigint not null default 0,
    failed_count       bigint not null default 0,
    total              bigint,
    message            text,
    report_token       text not null,
    created_at         timestamptz not null,
    updated_at         timestamptz not null,
    primary key (project_id, id)
);
create index async_action_by_creation on async_action (project_id, created_at desc, id desc);

-- The rows of an import or bulk update that callers are told of one by one.
create table async_action_row (
    project_id         integer not null,
    async_action_id    uuid not null,
    row                bigint not null,
    code               text not null,
    -- null: the row was done.
    reason             text,
    primary key (project_id, async_action_id, row),
    foreign key (project_id, async_action_id) references async_action (project_id, id) on delete cascade
);
