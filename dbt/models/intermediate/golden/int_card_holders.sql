/*
A card may be shared by a household, but a receipt has one customer: the member whose record is the oldest holds the
card. The loyalty file knows best; a card that only the branches or the webshop know counts too.
*/
with holders as (
    select
        {{ normalised_card_no("records.card_no") }} as card_no,
        assignment.customer_id,
        records.record_id,
        records.created_at,
        case records.source_system when 'shop' then 1 when 'branch' then 2 else 3 end as system_rank
    from {{ ref("int_source_records") }} as records
    inner join {{ source("identity", "identity_assignment") }} as assignment
        on records.record_id = assignment.record_id
    where {{ normalised_card_no("records.card_no") }} is not null
),

ranked as (
    select
        *,
        row_number() over (
            partition by card_no
            order by system_rank, created_at nulls last, record_id
        ) as holder_rank
    from holders
)

select
    card_no,
    customer_id,
    record_id
from ranked
where holder_rank = 1
