with transactions as (
    select * from {{ latest_version("shop__transactions") }} as current_transactions
),

-- Stamm_Orte says where the till stood when it was closed.
locations as (
    select
        z_kasse_id,
        z_erstellung,
        z_nr,
        location_id
    from {{ ref("stg_shop__closing_locations") }}
)

select
    -- ids
    {{ receipt_id("transactions") }} as receipt_id,
    transactions.z_kasse_id as till_id,
    transactions.z_erstellung as closing_created_at,
    transactions.z_nr as closing_no,
    transactions.bon_id,
    transactions.bon_nr as receipt_no,
    locations.location_id,
    transactions.bediener_id as cashier_id,
    {{ normalised_card_no("transactions.kunde_id") }} as card_no,

    -- kind
    transactions.bon_typ as receipt_type,
    coalesce(lower(trim(transactions.bon_typ)) = 'beleg', false) as is_sale,
    coalesce(transactions.bon_storno, false) as is_reversal,

    -- amounts
    {{ to_exact_amount("transactions.ums_brutto") }} as gross_amount,

    -- timestamps
    transactions.bon_ende as sold_at
from transactions
left join locations
    on
        transactions.z_kasse_id = locations.z_kasse_id
        and transactions.z_erstellung = locations.z_erstellung
        and transactions.z_nr = locations.z_nr
