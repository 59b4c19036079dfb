-- A view: sales read it once, and two copies of millions of lines would bring nothing.
{{ config(materialized="view") }}

with lines as (
    select * from {{ newest_closings("shop__lines") }} as current_lines
),

-- A line has several rows when it is sold at several VAT rates, such as a menu.
line_amounts as (
    select
        z_kasse_id,
        z_erstellung,
        z_nr,
        bon_id,
        pos_zeile,
        sum(pos_brutto) as gross_amount,
        sum(pos_netto) as net_amount
    from {{ newest_closings("shop__lines_vat") }} as current_lines_vat
    group by z_kasse_id, z_erstellung, z_nr, bon_id, pos_zeile
)

select
    -- ids
    {{ receipt_id("lines") }} as receipt_id,
    lines.pos_zeile as line_no,
    coalesce(nullif(trim(lines.art_nr), ''), nullif(trim(lines.gtin), '')) as product_no,
    lines.artikeltext as product_name,
    coalesce(nullif(trim(lines.warengr), ''), nullif(trim(lines.warengr_id), '')) as category,

    -- kind
    lines.gv_typ as transaction_type,
    {{ line_kind_of_gv_typ("lines.gv_typ") }} as line_kind,
    coalesce(lines.p_storno, false) as is_reversal,

    -- numbers
    coalesce(lines.menge, case when line_amounts.gross_amount < 0 then -1 else 1 end) as quantity,
    lines.stk_br as unit_gross_amount,
    {{ to_exact_amount("line_amounts.net_amount") }} as net_amount,
    -- Tills round net and tax on their own; the tax is what is left of the gross amount, which was paid.
    {{ to_exact_amount("line_amounts.gross_amount - line_amounts.net_amount") }} as tax_amount,
    {{ to_exact_amount("line_amounts.gross_amount") }} as gross_amount
from lines
left join line_amounts
    on
        lines.z_kasse_id = line_amounts.z_kasse_id
        and lines.z_erstellung = line_amounts.z_erstellung
        and lines.z_nr = line_amounts.z_nr
        and lines.bon_id = line_amounts.bon_id
        and lines.pos_zeile = line_amounts.pos_zeile
