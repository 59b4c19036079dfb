{# Money of sales: the precision of the sources, so that the lines of a sale add up to it exactly. #}
{% macro to_exact_amount(value) -%}
    cast({{ value }} as decimal(18, 4))
{%- endmacro %}

{# An order that never was: kept, but no turnover. #}
{% macro is_cancelled_status(status) -%}
    coalesce(
        lower(trim({{ status }})) in ('cancelled', 'canceled', 'storniert', 'storno', 'void', 'voided'), false
    )
{%- endmacro %}

{#
    The goods or the money went back. Some systems write a return as an order of its own with negative quantities, which
    counts as it is; others only give the sold order this status, and then it is as good as cancelled.
#}
{% macro is_returned_status(status) -%}
    coalesce(lower(trim({{ status }})) in ('returned', 'refunded'), false)
{%- endmacro %}

{#
    What a till line is, from DSFinV-K's GV_TYP (appendix C of the specification). A voucher is no turnover, neither
    when it is sold nor when it is redeemed: the goods bought with it are. The same holds for prepayments and
    receivables. Unknown types are `other`, no turnover, and counted in data_quality.
#}
{% macro line_kind_of_gv_typ(gv_typ) -%}
    case lower(trim({{ gv_typ }}))
        when 'umsatz' then 'goods'
        when 'rabatt' then 'discount'
        when 'aufschlag' then 'surcharge'
        when 'pfand' then 'deposit'
        when 'pfandrueckzahlung' then 'deposit'
        when 'einzweckgutscheinkauf' then 'voucher'
        when 'einzweckgutscheineinloesung' then 'voucher'
        when 'mehrzweckgutscheinkauf' then 'voucher'
        when 'mehrzweckgutscheineinloesung' then 'voucher'
        when 'zuschussecht' then 'subsidy'
        when 'zuschussunecht' then 'subsidy'
        when 'trinkgeldag' then 'tip'
        when 'trinkgeldan' then 'tip'
        when 'anzahlungseinstellung' then 'prepayment'
        when 'anzahlungsaufloesung' then 'prepayment'
        when 'forderungsentstehung' then 'receivable'
        when 'forderungsaufloesung' then 'receivable'
        when 'anfangsbestand' then 'cash'
        when 'privatentnahme' then 'cash'
        when 'privateinlage' then 'cash'
        when 'geldtransit' then 'cash'
        when 'lohnzahlung' then 'cash'
        when 'einzahlung' then 'cash'
        when 'auszahlung' then 'cash'
        when 'differenzsollist' then 'cash'
        else 'other'
    end
{%- endmacro %}

{# Card numbers are typed with spaces, hyphens and small letters. #}
{% macro normalised_card_no(card_no) -%}
    nullif(upper({{ regexp_replace_all(card_no, "[^0-9A-Za-z]", "") }}), '')
{%- endmacro %}

{# Orders have no line types: what lowers the total without goods coming back is a discount. #}
{% macro line_kind_of_order_line(quantity, net_amount) -%}
    case when {{ quantity }} >= 0 and {{ net_amount }} < 0 then 'discount' else 'goods' end
{%- endmacro %}

{# The discount given, positive: the line's own, else the amount of a discount line. #}
{% macro discount_of_order_line(quantity, net_amount, discount_amount) -%}
    coalesce(
        {{ discount_amount }}, case when {{ quantity }} >= 0 and {{ net_amount }} < 0 then -{{ net_amount }} else 0 end
    )
{%- endmacro %}

{#
    What a line's goods cost, negative for a return. Without a unit cost it is estimated from the company's
    usual margin (var `default_margin_pct`), and unknown without that. Discounts and surcharges cost nothing;
    what is no turnover (vouchers, deposits …) has no cost.
#}
{% macro cost_of_line(line_kind, quantity, unit_cost_amount, net_amount) -%}
    {%- set default_margin_pct = var("default_margin_pct", none) -%}
    case
        when {{ line_kind }} in ('discount', 'surcharge') then 0
        when {{ line_kind }} <> 'goods' then null
        when {{ unit_cost_amount }} is not null
            then {{ to_exact_amount(quantity) }} * {{ to_exact_amount(unit_cost_amount) }}
        {%- if default_margin_pct is not none %}
        else {{ net_amount }} * cast(1 - {{ default_margin_pct }} / 100.0 as decimal(9, 6))
        {%- endif %}
    end
{%- endmacro %}

{# 1 for a purchase, -1 for the reversal of one, 0 for returns, cancelled orders and what cost nothing. #}
{% macro purchase_count_of_sale(is_turnover, is_reversal, net_amount) -%}
    case
        when not {{ is_turnover }} then 0
        when {{ is_reversal }} and {{ net_amount }} < 0 then -1
        when not {{ is_reversal }} and {{ net_amount }} > 0 then 1
        else 0
    end
{%- endmacro %}

{# Share of what was sold that came back, 0–100; goods bought before the history began may make it more: cut off. #}
{% macro return_share_pct(return_amount, net_amount) -%}
    case
        when {{ net_amount }} + {{ return_amount }} > 0
            then least(round(100.0 * {{ divide(return_amount, "(" ~ net_amount ~ " + " ~ return_amount ~ ")") }}, 2), 100.0)
        when {{ return_amount }} > 0 then 100.0
        else 0.0
    end
{%- endmacro %}

{# Discounts in percent of what the goods would have cost without them, 0 to 100; null without a sale. #}
{% macro discount_share_pct(discount_amount, net_amount) -%}
    round(
        100 * least(greatest({{ divide(
            "greatest(" ~ discount_amount ~ ", 0)",
            "greatest(" ~ discount_amount ~ ", 0) + greatest(" ~ net_amount ~ ", 0)"
        ) }}, 0), 1),
        4
    )
{%- endmacro %}
