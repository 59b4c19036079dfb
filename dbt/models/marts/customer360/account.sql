with companies as (
    select
        links.account_id,
        golden.*
    from {{ ref("int_account_links") }} as links
    inner join {{ ref("int_golden_records") }} as golden on links.customer_id = golden.customer_id
    where links.linked_by = 'own_record'
),

contacts as (
    select
        account_id,
        count(*) as contact_count,
        count(customer_id) as person_count,
        {{ list_agg_sorted("customer_id") }} as person_customer_ids
    from {{ ref("account_contact") }}
    group by account_id
)

select
    companies.account_id,
    companies.customer_id,
    companies.company_name,
    companies.vat_id,
    parents.parent_account_id,
    parents.linked_by as parent_linked_by,
    companies.street,
    companies.house_no,
    companies.postal_code,
    companies.city,
    companies.country,
    cast(coalesce(contacts.contact_count, 0) as integer) as contact_count,
    cast(coalesce(contacts.person_count, 0) as integer) as person_count,
    contacts.person_customer_ids
from companies
left join contacts on companies.account_id = contacts.account_id
left join {{ ref("int_account_parents") }} as parents on companies.account_id = parents.account_id
