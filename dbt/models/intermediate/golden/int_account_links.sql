with records as (
    select * from {{ ref("int_customer_records") }}
),

companies as (
    select
        customer_id,
        'a_' || substr(customer_id, 3) as account_id
    from {{ ref("int_golden_records") }}
    where kind = 'company'
),

-- A domain or a name that two companies share says nothing.
company_domains as (
    select
        records.email_domain,
        min(companies.account_id) as account_id
    from records
    inner join companies on records.customer_id = companies.customer_id
    where records.email_domain is not null and not {{ is_public_email_domain("records.email_domain") }}
    group by records.email_domain
    having count(distinct companies.account_id) = 1
),

company_names as (
    select
        records.company_key,
        min(companies.account_id) as account_id
    from records
    inner join companies on records.customer_id = companies.customer_id
    where records.company_key is not null
    group by records.company_key
    having count(distinct companies.account_id) = 1
),

links as (
    select customer_id, account_id, 'own_record' as linked_by, 1 as link_rank
    from companies

    union all

    select records.customer_id, company_domains.account_id, 'email_domain', 2
    from records
    inner join company_domains on records.email_domain = company_domains.email_domain
    where records.kind = 'person'

    union all

    select records.customer_id, company_names.account_id, 'company_name', 3
    from records
    inner join company_names on records.company_key = company_names.company_key
    where records.kind = 'person'
),

ranked as (
    select
        *,
        row_number() over (partition by customer_id order by link_rank, account_id) as preference
    from links
)

select
    customer_id,
    account_id,
    linked_by
from ranked
where preference = 1
