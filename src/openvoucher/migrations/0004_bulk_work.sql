-- Bulk work that can be watched, cancelled, tried out and undone.

alter table job
    -- Somebody wants it to stop: whoever claims it next gives it up.
    add column cancelled boolean not null default false;

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
