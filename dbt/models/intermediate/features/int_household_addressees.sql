/*
Members of households in the order in which a letter would be theirs: adults, those who agreed to post before those who
said nothing, buyers by what they spent, then who is known longest. Who refused post is not addressed.
*/
with post as (
    select customer_id, status
    from {{ ref("int_consent") }}
    where channel = 'post' and purpose = 'marketing'
),

members as (
    select
        households.household_id,
        households.linked_by,
        golden.*,
        coalesce(post.status, 'unknown') as post_consent,
        golden.birth_date is null
        or golden.birth_date <= {{ dbt.dateadd("year", -18, as_of_date()) }} as is_adult,
        coalesce(sales.revenue_amount, 0) as revenue_amount,
        coalesce(sales.order_count, 0) > 0 as has_bought
    from {{ ref("int_household_members") }} as households
    inner join {{ ref("int_golden_records") }} as golden on households.customer_id = golden.customer_id
    left join post on households.customer_id = post.customer_id
    left join {{ ref("int_customer_sales") }} as sales on households.customer_id = sales.customer_id
)

select
    household_id,
    customer_id,
    linked_by,
    first_name,
    last_name,
    last_key,
    street,
    house_no,
    postal_code,
    city,
    country,
    post_consent,
    is_adult,
    is_adult and post_consent <> 'withdrawn' as is_addressed,
    {{ salutation_of_person() }} as salutation_line,
    concat_ws(' ', title, first_name, last_name) as full_name,
    row_number() over (
        partition by household_id
        order by
            is_adult desc,
            case post_consent when 'granted' then 1 when 'unknown' then 2 else 3 end asc,
            has_bought desc,
            revenue_amount desc,
            first_seen_at asc nulls last,
            customer_id asc
    ) as letter_rank
from members
