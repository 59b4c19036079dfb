-- People of a golden record of their own who surely work there, and people whom the company's own records name.
with links as (
    select * from {{ ref("int_account_links") }}
),

people as (
    select
        links.account_id,
        links.customer_id,
        golden.first_name,
        golden.last_name,
        golden.email,
        golden.phone,
        links.linked_by,
        {{ joined_values(["golden.first_key", "golden.last_key"]) }} as name_key
    from links
    inner join {{ ref("int_golden_records") }} as golden on links.customer_id = golden.customer_id
    where links.linked_by <> 'own_record'
),

named as (
    select
        links.account_id,
        records.first_name,
        records.last_name,
        {{ email_address("records.email") }} as email,
        records.phone_e164 as phone,
        {{ joined_values(["records.first_key", "records.last_key"]) }} as name_key,
        row_number() over (
            partition by links.account_id, records.first_key, records.last_key
            order by records.observed_at desc nulls last, records.record_id asc
        ) as newest_rank
    from links
    inner join {{ ref("int_customer_records") }} as records on links.customer_id = records.customer_id
    where links.linked_by = 'own_record' and records.last_key is not null
)

select
    account_id,
    customer_id,
    first_name,
    last_name,
    email,
    phone,
    linked_by
from people

union all

select
    named.account_id,
    null,
    named.first_name,
    named.last_name,
    named.email,
    named.phone,
    'own_record'
from named
left join people on named.account_id = people.account_id and named.name_key = people.name_key
where named.newest_rank = 1 and people.account_id is null
