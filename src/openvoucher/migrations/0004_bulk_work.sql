-- Bulk work that can be watched, cancelled, tried out and undone.

alter table job
    -- When it became claimable: the order of the ordered lane. An upload gets its id when it begins.
    add column queued_at timestamptz not null default clock_timestamp(),
    -- Somebody wants it to stop: whoever claims it next gives it up.
    add column cancelled boolean not null default false;

update job set queued_at = created_at;

-- A report's address has the id alone.
create unique index async_action_by_id on async_action (id);

alter table async_action
    -- When its first portion began: the rate counts from here.
    add column started_at timestamptz,
    -- Says what would happen; nothing but its own record is kept.
    add column dry_run boolean not null default false,
    -- The columns of the uploaded file, which its report repeats.
    add column columns text[],
    -- The action whose codes this one takes back.
    add column undoes uuid;

alter table async_action_row
    -- Where the row begins in the uploaded file, lines counted from 1; null: it came otherwise.
    add column line bigint,
    -- The row as it was sent: the cells of a CSV file, or one JSON text.
    add column cells text[];

alter table job_input
    -- Rows with the same code are always in the same bucket, whatever portions they are in.
    add column bucket integer not null default 0;

-- Ids of the codes that one portion of an action made: all that it made, and nothing else, lies between them.
create table async_action_batch (
    project_id         integer not null,
    async_action_id    uuid not null,
    first_id           uuid not null,
    last_id            uuid not null,
    primary key (project_id, async_action_id, first_id),
    foreign key (project_id, async_action_id) references async_action (project_id, id) on delete cascade
);

alter table voucher
    -- What was redeemed and spent elsewhere before it was imported; null: nothing.
    add column brought_quantity bigint,
    add column brought_spent bigint;

-- A check of the project for each row was almost half of what inserting a code cost. The project of a voucher
-- is always that of an authenticated caller, and projects are never deleted.
alter table voucher drop constraint voucher_project_id_fkey;

-- A million cards of the largest amount do not fit into a bigint.
alter table campaign_day alter column amount type numeric(38, 0);

drop index voucher_standalone;
create index voucher_standalone on voucher (project_id, id) where campaign_id is null and deleted_at is null;
