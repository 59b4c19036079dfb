{# The stage that a purchase leads to. `gap_days` is null for the first one. #}
{% macro stage_after_purchase(gap_days, purchases_in_window, loyal_purchases, lost_days) -%}
    case
        when {{ gap_days }} is null then 'new'
        when {{ gap_days }} > {{ lost_days }} then 'reactivated'
        when {{ purchases_in_window }} >= {{ loyal_purchases }} then 'loyal'
        else 'active'
    end
{%- endmacro %}
