-- The branch system's catalogue leads: it is the one that knows what goods cost.
with catalogues as (
    select
        product_no,
        name,
        category,
        unit_cost_amount,
        1 as catalogue_rank
    from {{ ref("stg_branch__products") }}
    union all
    select
        product_no,
        name,
        category,
        unit_cost_amount,
        2 as catalogue_rank
    from {{ ref("stg_webshop__products") }}
)

select
    product_no,
    coalesce(
        max(case when catalogue_rank = 1 then name end), max(case when catalogue_rank = 2 then name end)
    ) as product_name,
    coalesce(
        max(case when catalogue_rank = 1 then category end), max(case when catalogue_rank = 2 then category end)
    ) as category,
    coalesce(
        max(case when catalogue_rank = 1 then unit_cost_amount end),
        max(case when catalogue_rank = 2 then unit_cost_amount end)
    ) as unit_cost_amount
from catalogues
group by product_no
