/*
How good the records of people and companies are, per table, branch and form, and what the gaps cost: the margin of the
last 365 days of the customers behind failing records whom no other record makes reachable either. A customer counts
once per rule and part, however many records fail.
*/
{% set rules = [
    ("email_usable", "completeness", "true", "email_key is null", "golden_email is null"),
    ("email_valid", "validity", "email is not null", "email_key is null", "golden_email is null"),
    ("phone_usable", "completeness", "true", "phone_e164 is null", "golden_phone is null"),
    ("phone_valid", "validity", "coalesce(phone, mobile) is not null", "phone_e164 is null", "golden_phone is null"),
    ("address_complete", "completeness", "true", "street is null or postal_code is null or city is null",
        "golden_street is null or golden_postal_code is null"),
    ("birth_date_agrees", "consistency", "birth_date is not null and golden_birth_date is not null",
        "birth_date <> golden_birth_date", "true"),
    ("one_record_per_customer", "uniqueness", "true", "record_rank > 1", "true"),
] %}

with leads as (
    select
        lead_id,
        lead_source,
        campaign
    from {{ ref("stg_leads__leads") }}
),

records as (
    select
        records.record_id,
        records.customer_id,
        records.source_system as source,
        case records.source_system
            when 'shop' then 'loyalty'
            when 'branch' then 'customer'
            when 'webshop' then 'customers'
            else 'leads'
        end as table_name,
        records.branch_id,
        case
            when leads.lead_id is not null
                then leads.lead_source || case when leads.campaign is null then '' else '/' || leads.campaign end
        end as form,
        records.email, records.email_key,
        records.phone, records.mobile, records.phone_e164,
        records.street, records.postal_code, records.city,
        records.birth_date,
        row_number() over (
            partition by records.customer_id, records.source_system
            order by records.created_at nulls last, records.record_id
        ) as record_rank
    from {{ ref("int_customer_records") }} as records
    left join leads
        on
            records.source_system = 'leads'
            and records.source_record_id = leads.lead_id
    where not records.is_junk
),

judged as (
    select
        records.*,
        golden.email as golden_email,
        golden.phone as golden_phone,
        golden.street as golden_street,
        golden.postal_code as golden_postal_code,
        golden.birth_date as golden_birth_date,
        coalesce(sales.margin_365_amount, 0) as margin_365_amount
    from records
    inner join {{ ref("int_golden_records") }} as golden on records.customer_id = golden.customer_id
    left join {{ ref("int_customer_sales") }} as sales on records.customer_id = sales.customer_id
),

parts as (
    {% for scope, value in [("table", "''"), ("branch", "branch_id"), ("form", "form")] %}
        select
            judged.*,
            '{{ scope }}' as scope,
            {{ value }} as scope_value
        from judged
        where {{ value }} is not null
        {{ "union all" if not loop.last }}
    {% endfor %}
),

-- One row per customer, so that the margin counts once.
customers as (
    {% for rule, dimension, checked, failed, lost in rules %}
        select
            source,
            table_name,
            '{{ rule }}' as rule,
            '{{ dimension }}' as dimension,
            scope,
            scope_value,
            customer_id,
            count(*) as checked,
            count(case when {{ failed }} then 1 end) as failed,
            max(case when ({{ failed }}) and ({{ lost }}) then 1 else 0 end) as is_affected,
            max(margin_365_amount) as margin_365_amount
        from parts
        where {{ checked }}
        group by source, table_name, scope, scope_value, customer_id
        {{ "union all" if not loop.last }}
    {% endfor %}
)

select
    source,
    table_name,
    rule,
    dimension,
    scope,
    scope_value,
    cast(sum(checked) as bigint) as checked,
    cast(sum(failed) as bigint) as failed,
    cast(sum(is_affected) as bigint) as affected_customers,
    {{ to_exact_amount("sum(case when is_affected = 1 then margin_365_amount else 0 end)") }} as margin_at_risk_amount
from customers
group by source, table_name, rule, dimension, scope, scope_value
