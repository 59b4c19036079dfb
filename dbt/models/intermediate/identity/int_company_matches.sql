with comparisons as (
    select * from {{ ref("int_pair_comparisons") }}
    where kind = 'company'
),

ruled as (
    select
        record_id_a,
        record_id_b,
        case
            when vat_level = 'equal' and (company_level <> 'other' or same_postal_code) then 'vat_id'
            when company_level not in ('equal', 'similar') or vat_level = 'other' then null
            when same_email then 'email_and_company'
            when same_phone then 'phone_and_company'
            when address_level = 'equal' then 'company_and_address'
            when company_level = 'equal' and same_postal_code then 'company_and_postal_code'
        end as rule
    from comparisons
)

select
    record_id_a,
    record_id_b,
    rule
from ruled
where rule is not null
