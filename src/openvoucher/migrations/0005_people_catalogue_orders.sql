-- Customers, segments, products, orders, events, publications, exports.

create table customer (
    project_id         integer not null references project (id),
    id                 uuid not null,
    -- The caller's id. Of a deleted customer: with the time of its deletion behind it.
    source_id          text collate "C",
    name               text,
    description        text,
    email              text,
    phone              text,
    birthday           date,
    birthdate          date,
    address            jsonb,
    -- null: never set, and not shown.
    metadata           jsonb,
    system_metadata    jsonb not null default '{}',
    -- Wire names of what was set to null: shown as null, where what was never set is left out.
    cleared            text[] not null default '{}',
    created_at         timestamptz not null,
    updated_at         timestamptz,
    deleted_at         timestamptz,
    primary key (project_id, id)
);
-- (Those without one are in it, too: it is also the order by source id.)
create unique index customer_source_id_is_unique on customer (project_id, source_id) where deleted_at is null;
create index customer_by_email on customer (project_id, lower(email)) where deleted_at is null and email is not null;
-- Text of any length is looked up by its beginning: an entry of an index cannot hold more.
create index customer_by_name on customer (project_id, lower(left(name, 500)))
    where deleted_at is null and name is not null;
create index customer_by_city on customer (project_id, lower(left(address ->> 'city', 500)))
    where deleted_at is null and address is not null;
-- Without these the planner takes an email for one in two hundred, and looks for it along another index.
create statistics customer_email on (lower(email)) from customer;
create statistics customer_name on (lower(left(name, 500))) from customer;
create statistics customer_city on (lower(left(address ->> 'city', 500))) from customer;
create index customer_by_creation on customer (project_id, created_at, id) where deleted_at is null;
create index customer_by_update on customer (project_id, updated_at nulls first, id) where deleted_at is null;

-- How many customers a project has: the sum. A row for each statement that makes some or takes one away, so that
-- nobody waits for anybody; now and then many become one. Triggers, so that nothing is made uncounted.
create table customer_count (
    project_id         integer not null,
    id                 uuid not null default gen_random_uuid(),
    change             bigint not null,
    primary key (project_id, id)
);
create function count_new_customers() returns trigger language plpgsql as $$
begin
    insert into customer_count (project_id, change)
        select project_id, count(*) from made where deleted_at is null group by project_id;
    return null;
end $$;
create trigger new_customers_are_counted after insert on customer
    referencing new table as made for each statement execute function count_new_customers();
create function count_gone_customer() returns trigger language plpgsql as $$
begin
    insert into customer_count (project_id, change) values (old.project_id, -1);
    return null;
end $$;
create trigger deleted_customer_is_counted after update of deleted_at on customer
    for each row when (old.deleted_at is null and new.deleted_at is not null)
    execute function count_gone_customer();
create trigger removed_customer_is_counted after delete on customer
    for each row when (old.deleted_at is null) execute function count_gone_customer();

-- Who holds a voucher: its owner, the referrer of a referral code, its referees.
create table redeemable_holder (
    project_id         integer not null references project (id),
    id                 uuid not null,
    voucher_id         uuid not null,
    customer_id        uuid not null,
    campaign_id        uuid,
    role               text not null check (role in ('OWNER', 'REFERRER', 'REFEREE')),
    metadata           jsonb not null default '{}',
    created_at         timestamptz not null,
    primary key (project_id, id),
    constraint redeemable_holder_is_unique unique (project_id, voucher_id, customer_id, role)
);
create index redeemable_holder_by_customer on redeemable_holder (project_id, customer_id, id);
create index redeemable_holder_by_campaign on redeemable_holder (project_id, campaign_id, customer_id)
    where campaign_id is not null;

-- What happened, in the transaction in which it happened; each is removed when all who listen were told.
create table outbox (
    project_id         integer not null references project (id),
    id                 uuid not null,
    type               text not null,
    customer_id        uuid,
    campaign_id        uuid,
    data               jsonb not null,
    -- Who did it: channel and key.
    source             jsonb not null,
    group_id           text not null,
    tries              integer not null default 0,
    run_after          timestamptz not null default '-infinity',
    error              text,
    created_at         timestamptz not null,
    primary key (project_id, id)
);

-- What became known of a customer.
create table customer_activity (
    project_id         integer not null references project (id),
    id                 uuid not null,
    customer_id        uuid not null,
    type               text not null,
    campaign_id        uuid,
    data               jsonb not null,
    source             jsonb not null,
    group_id           text not null,
    created_at         timestamptz not null,
    primary key (project_id, id)
);
create index customer_activity_by_customer on customer_activity (project_id, customer_id, id);

create table custom_event_schema (
    project_id         integer not null references project (id),
    id                 uuid not null,
    name               text not null,
    properties         jsonb not null,
    created_at         timestamptz not null,
    updated_at         timestamptz,
    primary key (project_id, id),
    constraint custom_event_schema_is_unique unique (project_id, name)
);

create table custom_event (
    project_id         integer not null references project (id),
    id                 uuid not null,
    customer_id        uuid not null,
    name               text not null,
    metadata           jsonb,
    referral           jsonb,
    loyalty            jsonb,
    created_at         timestamptz not null,
    primary key (project_id, id)
);
create index custom_event_by_customer on custom_event (project_id, customer_id, name);

create table segment (
    project_id         integer not null references project (id),
    id                 uuid not null,
    name               text not null,
    type               text not null check (type in ('static', 'auto-update', 'passive')),
    filter             jsonb,
    -- When all customers were last looked at: when that began.
    evaluated_at       timestamptz,
    -- The job that does it, or did it last.
    evaluation_id      uuid,
    -- When it is due again; null: it is being done, or needs not be done again.
    evaluate_after     timestamptz,
    created_at         timestamptz not null,
    updated_at         timestamptz,
    primary key (project_id, id)
);
create index segment_due on segment (evaluate_after) where evaluate_after is not null;

create table segment_member (
    project_id         integer not null,
    segment_id         uuid not null,
    customer_id        uuid not null,
    entered_at         timestamptz not null,
    primary key (project_id, segment_id, customer_id),
    foreign key (project_id, segment_id) references segment (project_id, id) on delete cascade
);
create index segment_member_by_customer on segment_member (project_id, customer_id);

create table segment_activity (
    project_id         integer not null,
    id                 uuid not null,
    segment_id         uuid not null,
    type               text not null,
    data               jsonb not null,
    source             jsonb not null,
    group_id           text not null,
    created_at         timestamptz not null,
    primary key (project_id, id),
    foreign key (project_id, segment_id) references segment (project_id, id) on delete cascade
);
create index segment_activity_by_segment on segment_activity (project_id, segment_id, id);

create table product (
    project_id         integer not null references project (id),
    id                 uuid not null,
    source_id          text,
    name               text,
    price              bigint,
    attributes         text[] not null default '{}',
    image_url          text,
    metadata           jsonb not null default '{}',
    created_at         timestamptz not null,
    updated_at         timestamptz,
    deleted_at         timestamptz,
    primary key (project_id, id)
);
-- The bin counts: what lies there keeps its source id.
create unique index product_source_id_is_unique on product (project_id, source_id) where source_id is not null;

create table sku (
    project_id         integer not null,
    id                 uuid not null,
    product_id         uuid not null,
    source_id          text,
    sku                text,
    price              bigint,
    currency           text,
    attributes         jsonb not null default '{}',
    image_url          text,
    metadata           jsonb not null default '{}',
    created_at         timestamptz not null,
    updated_at         timestamptz,
    deleted_at         timestamptz,
    primary key (project_id, id),
    foreign key (project_id, product_id) references product (project_id, id) on delete cascade
);
create unique index sku_source_id_is_unique on sku (project_id, source_id) where source_id is not null;
create index sku_by_product on sku (project_id, product_id, id);

-- The product of every project that shipping costs are taken from. A trigger, so that no project is without
-- it whoever makes the project; its id is the same in all of them.
create function add_predefined_product() returns trigger language plpgsql as $$
begin
    insert into product (project_id, id, source_id, name, price, created_at)
    values (new.id, '00000000-0000-7000-8000-000000000001', '5h1pp1ng', 'Shipping', 0, new.created_at);
    return null;
end $$;
create trigger project_has_predefined_product after insert on project
    for each row execute function add_predefined_product();
insert into product (project_id, id, source_id, name, price, created_at)
    select id, '00000000-0000-7000-8000-000000000001', '5h1pp1ng', 'Shipping', 0, created_at from project;

create table product_collection (
    project_id         integer not null references project (id),
    id                 uuid not null,
    name               text not null,
    type               text not null check (type in ('STATIC', 'AUTO_UPDATE')),
    filter             jsonb,
    created_at         timestamptz not null,
    updated_at         timestamptz,
    primary key (project_id, id)
);

-- What a static collection was made of: a product (with all its SKUs) or one SKU.
create table product_collection_item (
    project_id         integer not null,
    collection_id      uuid not null,
    position           integer not null,
    product_id         uuid not null,
    sku_id             uuid,
    primary key (project_id, collection_id, position),
    foreign key (project_id, collection_id) references product_collection (project_id, id) on delete cascade
);
create index product_collection_item_by_product on product_collection_item (project_id, product_id);

create table shop_order (
    project_id         integer not null references project (id),
    id                 uuid not null,
    source_id          text,
    status             text not null check (status in ('CREATED', 'PAID', 'CANCELED', 'FULFILLED')),
    customer_id        uuid,
    referrer_id        uuid,
    -- Minor units; null: not known.
    amount             bigint,
    initial_amount     bigint,
    discount_amount    bigint not null default 0,
    items_discount_amount bigint not null default 0,
    total_amount       bigint,
    items              jsonb not null default '[]',
    metadata           jsonb not null default '{}',
    created_at         timestamptz not null,
    updated_at         timestamptz,
    primary key (project_id, id)
);
create unique index shop_order_source_id_is_unique on shop_order (project_id, source_id) where source_id is not null;
create index shop_order_by_referrer on shop_order (project_id, referrer_id, id) where referrer_id is not null;
create index shop_order_by_customer on shop_order (project_id, customer_id, id) where customer_id is not null;
-- The list's order; callers may say when an order was created, so ids do not tell.
create index shop_order_by_creation on shop_order (project_id, created_at, id);

create table publication (
    project_id         integer not null references project (id),
    id                 uuid not null,
    customer_id        uuid not null,
    campaign_id        uuid,
    source_id          text,
    channel            text not null,
    metadata           jsonb not null default '{}',
    result             text not null check (result in ('SUCCESS', 'FAILURE')),
    failure_code       text,
    failure_message    text,
    created_at         timestamptz not null,
    primary key (project_id, id)
);
-- Repeated with the same source id, a publication is the one that was there.
create unique index publication_source_id_is_unique on publication (project_id, source_id)
    where source_id is not null and result = 'SUCCESS';
create index publication_by_customer on publication (project_id, customer_id, id);
create index publication_by_campaign on publication (project_id, campaign_id, id) where campaign_id is not null;

create table publication_voucher (
    project_id         integer not null,
    publication_id     uuid not null,
    position           integer not null,
    voucher_id         uuid not null,
    code               text not null,
    primary key (project_id, publication_id, position),
    foreign key (project_id, publication_id) references publication (project_id, id) on delete cascade
);
create index publication_voucher_by_voucher on publication_voucher (project_id, voucher_id, publication_id);

-- Where the look for the next unpublished code of a campaign begins. Only a hint: codes below it are looked at
-- again before anybody is refused.
create table publication_pool (
    project_id         integer not null,
    campaign_id        uuid not null,
    after_id           uuid not null,
    -- Codes up to there that were unpublished when all were last looked at, but disabled or expired.
    passed_over        uuid[] not null default '{}',
    primary key (project_id, campaign_id),
    foreign key (project_id, campaign_id) references campaign (project_id, id) on delete cascade
);

alter table voucher
    -- Its owner (of a referral code: the referrer) since its publication; of a code that is published to
    -- many, the first one.
    add column holder_id uuid;
create index voucher_by_holder on voucher (project_id, holder_id, id) where holder_id is not null;

create table export (
    project_id         integer not null references project (id),
    id                 uuid not null,
    exported_object    text not null,
    -- As it was sent.
    parameters         jsonb not null,
    channel            text not null,
    status             text not null check (status in ('SCHEDULED', 'IN_PROGRESS', 'DONE', 'ERROR')),
    token              text not null,
    rows               bigint not null default 0,
    error              text,
    created_at         timestamptz not null,
    updated_at         timestamptz not null,
    primary key (project_id, id)
);
-- Its address has the id alone.
create unique index export_by_id on export (id);

-- The file, a portion a row.
create table export_portion (
    project_id         integer not null,
    export_id          uuid not null,
    portion            integer not null,
    data               bytea not null,
    primary key (project_id, export_id, portion),
    foreign key (project_id, export_id) references export (project_id, id) on delete cascade
);
alter table export_portion alter column data set storage external;

-- The rows of a file that are still to be written, sorted once where no index has their order.
create table export_row_list (
    project_id         integer not null,
    export_id          uuid not null,
    number             integer not null,
    -- Of each row 16 bytes of its id and 4 of its part.
    keys               bytea not null,
    primary key (project_id, export_id, number),
    foreign key (project_id, export_id) references export (project_id, id) on delete cascade
);
alter table export_row_list alter column keys set storage external;

alter table async_action_row
    -- Whether the object was there before; null: it was, unless the reason says otherwise.
    add column found boolean;

alter table project
    -- Whose pages may call with client keys (origins or hosts; * is all), and what those may do.
    add column client_trusted_domains text[] not null default '{}',
    add column client_features text[] not null default '{}',
    add column description text,
    -- Further settings as the wire has them, those that were ever sent.
    add column settings jsonb not null default '{}';
