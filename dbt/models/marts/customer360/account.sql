with links as (
    select * from {{ ref("int_account_links") }}
),

companies as (
    select
        links.account_id,
        golden.*
    from links
    inner join {{ ref("int_golden_records") }} as golden on links.customer_id = golden.customer_id
    where links.linked_by = 'own_record'
),

-- People who speak for the company in its own records, and people of their own record who work there.
contacts as (
    select
        links.account_id,
        coalesce(records.first_key, '') || ' ' || records.last_key as contact_name
    from links
    inner join {{ ref("int_customer_records") }} as records on links.customer_id = records.customer_id
    where records.last_key is not null
),

counts as (
    select
        account_id,
        count(distinct contact_name) as contact_count
    from contacts
    group by account_id
),

people as (
    select
        account_id,
        count(*) as person_count,
        {{ list_agg_sorted("customer_id") }} as person_customer_ids
    from links
    where linked_by <> 'own_record'
    group by account_id
)

select
    companies.account_id,
    companies.customer_id,
    companies.company_name,
    companies.vat_id,
    companies.street,
    companies.house_no,
    companies.postal_code,
    companies.city,
    companies.country,
    cast(coalesce(counts.contact_count, 0) as integer) as contact_count,
    cast(coalesce(people.person_count, 0) as integer) as person_count,
    people.person_customer_ids
from companies
left join counts on companies.account_id = counts.account_id
left join people on companies.account_id = people.account_id
