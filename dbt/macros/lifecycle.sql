{# The stage that a purchase leads to. `gap_days` is null for the first one. #}
{% macro stage_after_purchase(gap_days, purchases_in_window, loyal_purchases, lost_days) -%}
    case
        when {{ gap_days }} is null then 'new'
        when {{ gap_days }} > {{ lost_days }} then 'reactivated'
        when {{ purchases_in_window }} >= {{ loyal_purchases }} then 'loyal'
        else 'active'
    end
{%- endmacro %}

{#
    Days of silence after a purchase until a stage (lapsing, lost) begins: the same for everybody, or a multiple of the
    customer's own median gap as known at that purchase. Reads `median_gap_days` and `purchase_no`.
#}
{% macro silence_days(stage) -%}
    {%- set gaps = var("lifecycle_" ~ stage ~ "_gaps") -%}
    {%- if gaps is none -%}
        {{ var("lifecycle_" ~ stage ~ "_days") }}
    {%- else -%}
        case
            when purchase_no >= {{ var("lifecycle_rhythm_purchases") }}
                then cast(
                    least(
                        greatest(round({{ gaps }} * median_gap_days), {{ var("lifecycle_" ~ stage ~ "_days_min") }}),
                        {{ var("lifecycle_" ~ stage ~ "_days_max") }}
                    ) as integer
                )
            else {{ var("lifecycle_" ~ stage ~ "_days") }}
        end
    {%- endif -%}
{%- endmacro %}

{# Median, the lower one of two, of a customer's values up to this row. #}
{% macro running_lower_median(value, partition, ordering) -%}
    {{ return(adapter.dispatch("running_lower_median")(value, partition, ordering)) }}
{%- endmacro %}

{% macro duckdb__running_lower_median(value, partition, ordering) -%}
    quantile_disc({{ value }}, 0.5)
        over (partition by {{ partition }} order by {{ ordering }} rows between unbounded preceding and current row)
{%- endmacro %}

{% macro default__running_lower_median(value, partition, ordering) -%}
    percentile_approx({{ value }}, 0.5)
        over (partition by {{ partition }} order by {{ ordering }} rows between unbounded preceding and current row)
{%- endmacro %}
