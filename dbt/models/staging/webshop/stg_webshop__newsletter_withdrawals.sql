/*
A webshop shows only whether an account receives the newsletter now. An account that once did and no longer does has
withdrawn; one that never did has said nothing. The history of raw tells the two apart.
*/
with versions as (
    select
        customer_id,
        email,
        updated_at,
        newsletter,
        row_number() over (
            partition by customer_id
            order by updated_at desc nulls last, _load_id desc, _source_file desc, _source_line desc
        ) as version_rank,
        max(case when newsletter then 1 else 0 end) over (partition by customer_id) as was_granted
    from {{ source("raw", "webshop__customers") }}
)

select
    customer_id,
    {{ clean_text("email") }} as email,
    updated_at as withdrawn_at
from versions
where version_rank = 1 and was_granted = 1 and not coalesce(newsletter, false)
