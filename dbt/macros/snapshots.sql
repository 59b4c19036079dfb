{#
    Snapshots of the features: the day of the run (number 0) and the eight quarters of 91 days before it. A day lies in
    bucket n when it is before snapshot n and not before snapshot n + 1, so the past of snapshot n is buckets n, n + 1, …
#}
{% macro snapshots() -%}
    {% for number in range(9) -%}
    select
        {{ number }} as snapshot_no,
        cast({{ dbt.dateadd("day", -91 * number, as_of_date()) }} as date) as snapshot_date
    {{ "union all" if not loop.last }}
    {% endfor %}
{%- endmacro %}

{# Sum of a measure over the whole past of a snapshot. #}
{% macro sum_before(measure) -%}
    coalesce(sum(buckets.{{ measure }}), 0)
{%- endmacro %}

{# … over the 91 days before it: its own bucket. #}
{% macro sum_91_days(measure) -%}
    coalesce(sum(case when buckets.bucket_no = snapshots.snapshot_no then buckets.{{ measure }} end), 0)
{%- endmacro %}

{# … over the 365 days before it: four buckets and the youngest day of the fifth. #}
{% macro sum_365_days(measure) -%}
    coalesce(
        sum(
            case
                when buckets.bucket_no <= snapshots.snapshot_no + 3
                    or (buckets.bucket_no = snapshots.snapshot_no + 4 and buckets.is_youngest_day)
                    then buckets.{{ measure }}
            end
        ),
        0
    )
{%- endmacro %}
