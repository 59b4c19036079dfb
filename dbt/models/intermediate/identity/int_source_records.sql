with shop as (
    select * from {{ ref("stg_shop__loyalty_members") }}
),

branch as (
    select * from {{ ref("stg_branch__customers") }}
    where deleted_at is null
),

webshop as (
    select * from {{ ref("stg_webshop__customers") }}
),

leads as (
    select * from {{ ref("stg_leads__leads") }}
),

-- A shop that exports orders without customers, or an order whose account is gone, still names a customer.
webshop_orderers as (
    select
        orders.webshop_customer_id as customer_id,
        min(orders.ordered_at) as first_ordered_at
    from {{ ref("stg_webshop__orders") }} as orders
    left join webshop on orders.webshop_customer_id = webshop.customer_id
    where orders.webshop_customer_id is not null and webshop.customer_id is null
    group by orders.webshop_customer_id
),

records as (
    select
        'shop' as source_system, member_no as source_record_id, 'person' as kind,
        null as salutation, null as title, first_name, last_name, null as company_name, null as vat_id, birth_date,
        email, phone, null as mobile, street, house_no, postal_code, city, country, card_no, branch_id,
        null as sales_rep_id, 'shop' as first_source, false as is_guest, issued_at as created_at, updated_at
    from shop

    union all

    select
        'branch', customer_no, kind, salutation, title, first_name, last_name, company_name, vat_id, birth_date,
        email, phone, mobile, street, house_no, postal_code, city, country, card_no, branch_id,
        sales_rep_id, 'branch', false, created_at, updated_at
    from branch

    union all

    select
        'webshop', customer_id, case when company_name is null then 'person' else 'company' end,
        salutation, title, first_name, last_name, company_name, vat_id, birth_date,
        email, phone, null, street, house_no, postal_code, city, country, card_no, null,
        null, 'webshop', is_guest, created_at, updated_at
    from webshop

    union all

    select
        'webshop', customer_id, 'person', null, null, null, null, null, null, null,
        null, null, null, null, null, null, null, null, null, null,
        null, 'webshop', false, first_ordered_at, first_ordered_at
    from webshop_orderers

    union all

    select
        -- A lead with a name is that person; the company is where they work.
        'leads', lead_id,
        case when company_name is null or coalesce(last_name, first_name) is not null then 'person' else 'company' end,
        null, null, first_name, last_name, company_name, null, birth_date,
        email, phone, null, street, house_no, postal_code, city, country, null, null,
        null, lead_source, false, captured_at, captured_at
    from leads
)

select
    source_system || ':' || source_record_id as record_id,
    *
from records
