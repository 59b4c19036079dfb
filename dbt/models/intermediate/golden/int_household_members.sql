with customers as (
    select * from {{ ref("int_golden_records") }}
)

-- People of one last name at one address. The id follows from both, so it stays as long as the household does.
select
    customer_id,
    'h_' || left({{ sha256_hex("last_key || '|' || address_key") }}, 16) as household_id
from customers
where kind = 'person' and not is_junk and last_key is not null and address_key is not null
