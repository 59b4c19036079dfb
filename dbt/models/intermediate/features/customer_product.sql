with lines as (
    select
        customer_id,
        product_no,
        cast(sold_at as date) as purchase_date,
        max(category) as category,
        sum(quantity) as quantity,
        sum(net_amount) as net_amount
    from {{ ref("int_sale_lines") }}
    where
        customer_id is not null
        and product_no is not null
        and is_turnover
        and line_kind = 'goods'
        and sold_at < {{ as_of_at() }}
    group by customer_id, product_no, cast(sold_at as date)
)

select
    customer_id,
    product_no,
    category,
    purchase_date,
    cast(quantity as decimal(18, 4)) as quantity,
    {{ to_exact_amount("net_amount") }} as net_amount
from lines
where quantity > 0
