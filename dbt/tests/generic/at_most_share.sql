{# At most this share (0–1) of the rows meets the condition; an empty table passes. #}
{% test at_most_share(model, condition, share) %}
    select
        count(*) as row_count,
        count(case when {{ condition }} then 1 end) as matching_count
    from {{ model }}
    having count(case when {{ condition }} then 1 end) > {{ share }} * count(*)
{% endtest %}
