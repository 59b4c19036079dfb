-- Sums of a customer's sales before the day of the run.
with sales as (
    select *
    from {{ ref("int_sales") }}
    where customer_id is not null and is_turnover and sold_at < {{ as_of_at() }}
),

channel_ranks as (
    select
        customer_id,
        channel,
        row_number() over (
            partition by customer_id
            order by sum(purchase_count) desc, channel
        ) as channel_rank
    from sales
    group by customer_id, channel
),

category_ranks as (
    select
        customer_id,
        category,
        row_number() over (
            partition by customer_id
            order by sum(net_amount) desc, category
        ) as category_rank
    from {{ ref("int_sale_lines") }}
    where customer_id is not null and is_turnover and category is not null and sold_at < {{ as_of_at() }}
    group by customer_id, category
),

sums as (
    select
        customer_id,
        greatest(sum(purchase_count), 0) as order_count,
        greatest(
            sum(
                case when sold_at >= {{ dbt.dateadd("day", -365, as_of_at()) }} then purchase_count else 0 end
            ),
            0
        ) as order_count_365,
        sum(net_amount) as revenue_amount,
        sum(
            case when sold_at >= {{ dbt.dateadd("day", -365, as_of_at()) }} then net_amount else 0 end
        ) as revenue_365_amount,
        sum(margin_amount) as margin_amount,
        sum(
            case when sold_at >= {{ dbt.dateadd("day", -365, as_of_at()) }} then margin_amount end
        ) as margin_365_amount,
        sum(discount_amount) as discount_amount,
        sum(return_amount) as return_amount,
        count(distinct case when purchase_count > 0 then channel end) as channel_count
    from sales
    group by customer_id
)

select
    sums.*,
    channel_ranks.channel as favourite_channel,
    category_ranks.category as favourite_category
from sums
left join channel_ranks
    on
        sums.customer_id = channel_ranks.customer_id
        and channel_ranks.channel_rank = 1
left join category_ranks
    on
        sums.customer_id = category_ranks.customer_id
        and category_ranks.category_rank = 1
