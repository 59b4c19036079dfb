select
    customer_id,
    cast(sold_at as date) as purchase_date,
    cast(greatest(sum(purchase_count), 0) as integer) as order_count,
    {{ to_exact_amount("sum(net_amount)") }} as net_amount,
    {{ to_exact_amount("sum(margin_amount)") }} as margin_amount
from {{ ref("int_sales") }}
where
    customer_id is not null
    and is_turnover
    and sold_at < {{ as_of_at() }}
    and (net_amount <> 0 or purchase_count <> 0)
group by customer_id, cast(sold_at as date)
