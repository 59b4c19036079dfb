{# E-mail address as one would write to it: lower case, without outer blanks, brackets and `mailto:`. #}
{% macro email_address(email) -%}
    {%- set text = "lower(trim(" ~ email ~ "))" -%}
    case
        when {{ email }} like '%:%' or {{ email }} like '%<%' or {{ email }} like '%>%'
            then {{ regexp_replace_all(text, "^mailto:|[<>]", "") }}
        else {{ text }}
    end
{%- endmacro %}

{# The mailbox, before the @, without a `+tag`. Null for what is no address, and for mailboxes that stand in for "none". #}
{% macro email_mailbox(address) -%}
    case
        when not {{ regexp_contains(address, "^[^@ ,;]+@[^@ ,;]+[.][a-z]+$") }} then null
        when {{ regexp_contains(
            address,
            "^(no-?reply|no-?mail|none|keine?(email|mail|angabe)?|unbekannt|test|xxx+|aaa+|asdf|na|nomail|noemail|dummy|kasse)[0-9]*@"
        ) }} then null
        when {{ regexp_contains(address, "@(example|test|invalid|localhost)[.]|[.](invalid|test|example)$") }}
            and {{ regexp_contains(address, "^(test|max[.]?mustermann|mustermann|john[.]?doe)") }} then null
        else nullif({{ text_part(text_part(address, "@", 1), "+", 1) }}, '')
    end
{%- endmacro %}

{# The host, after the @. #}
{% macro email_host(address) -%}
    nullif({{ text_part(address, "@", 2) }}, '')
{%- endmacro %}

{# Comparable e-mail address of a mailbox and a host; gmail ignores dots. #}
{% macro email_key(mailbox, host) -%}
    case
        when {{ host }} in ('gmail.com', 'googlemail.com') then replace({{ mailbox }}, '.', '') || '@gmail.com'
        else {{ mailbox }} || '@' || {{ host }}
    end
{%- endmacro %}

{# Comparable e-mail address as it is written. #}
{% macro normalise_email(email) -%}
    {%- set address = email_address(email) -%}
    {{ email_key(email_mailbox(address), email_host(address)) }}
{%- endmacro %}

{# Mailbox providers, whose domain says nothing about a company. #}
{% macro public_email_domains() -%}
    {{ return([
        "gmail.com", "googlemail.com", "gmx.de", "gmx.net", "gmx.at", "gmx.ch", "web.de", "t-online.de", "yahoo.de",
        "yahoo.com", "hotmail.com", "hotmail.de", "outlook.com", "outlook.de", "live.de", "live.com", "icloud.com",
        "me.com", "freenet.de", "arcor.de", "aol.com", "aol.de", "posteo.de", "mailbox.org", "proton.me",
        "protonmail.com", "bluewin.ch", "hispeed.ch", "sunrise.ch", "aon.at", "chello.at", "mail.de", "email.de",
        "online.de", "vodafone.de", "example.com", "example.org", "example.net"
    ]) }}
{%- endmacro %}

{% macro is_public_email_domain(domain) -%}
    {{ domain }} in ('{{ public_email_domains() | join("', '") }}')
{%- endmacro %}

{# The digits of a phone number and its leading +; "(0)" is left out. #}
{% macro phone_digits(phone) -%}
    {{ regexp_replace_all("replace(replace(" ~ phone ~ ", '(0)', ''), '( 0 )', '')", "[^0-9+]", "") }}
{%- endmacro %}

{#
    Phone number in E.164 ("+498912345678") for numbers written as one does in Germany, Austria and Switzerland, of
    their digits. `country` (DE, AT, CH) is that of the address. Null for what cannot be a number: fewer than six
    digits after the country code, more than 15 in all, one digit repeated, 12345….
#}
{% macro phone_of_digits(digits, country) -%}
    {%- set code -%}
        case coalesce({{ country }}, '{{ var("company_country") }}') when 'AT' then '43' when 'CH' then '41' else '49' end
    {%- endset -%}
    {%- set international -%}
        case
            when {{ digits }} like '+%' then '+' || replace({{ digits }}, '+', '')
            when {{ digits }} like '00%' then '+' || substr({{ digits }}, 3)
            when {{ digits }} like '0%' then '+' || {{ code }} || substr({{ digits }}, 2)
            when length({{ digits }}) >= 11 and left({{ digits }}, 2) = {{ code }} then '+' || {{ digits }}
            when length({{ digits }}) >= 6 then '+' || {{ code }} || {{ digits }}
        end
    {%- endset -%}
    {{ valid_phone(regexp_replace_all(international, "^[+](49|43|41)0+", "+\\1")) }}
{%- endmacro %}

{% macro valid_phone(e164) -%}
    nullif({{ regexp_group(
        regexp_replace_all(
            e164,
            "^.*(0{6,}|1{6,}|2{6,}|3{6,}|4{6,}|5{6,}|6{6,}|7{6,}|8{6,}|9{6,})$|^[+](49|43|41)?(1234567?8?9?0?|987654321?)$",
            ""
        ), "^([+][1-9][0-9]{7,14})$", 1
    ) }}, '')
{%- endmacro %}

{# Phone number in E.164 of a number as it is written. #}
{% macro normalise_phone(phone, country) -%}
    {{ phone_of_digits(phone_digits(phone), country) }}
{%- endmacro %}

{# True for numbers of a mobile network in Germany, Austria and Switzerland: they belong to one person. #}
{% macro is_mobile_number(e164) -%}
    (
        ({{ e164 }} like '+491%' and substr({{ e164 }}, 5, 1) in ('5', '6', '7'))
        or (({{ e164 }} like '+436%' or {{ e164 }} like '+417%') and substr({{ e164 }}, 5, 1) between '5' and '9')
    )
{%- endmacro %}

{# Comparable VAT id: capitals and digits, null when it is not shaped like one (DE123456789, ATU12345678, CHE-…). #}
{% macro normalise_vat_id(vat_id) -%}
    {%- set plain = regexp_replace_all("upper(" ~ vat_id ~ ")", "[^A-Z0-9]", "") -%}
    case
        when {{ regexp_contains(plain, "^(DE[0-9]{9}|ATU[0-9]{8}|CHE[0-9]{9}(MWST|TVA|IVA)?|[A-Z]{2}[0-9A-Z]{8,12})$") }}
            and not {{ regexp_contains(plain, "^(DE|ATU|CHE)(0+|123456789|12345678)$") }}
            then {{ regexp_replace_all(plain, "(MWST|TVA|IVA)$", "") }}
    end
{%- endmacro %}

{# A birth date that can be true: between 1905 and the day of the run. 1.1.1900 and the like are placeholders. #}
{% macro plausible_birth_date(birth_date) -%}
    case
        when {{ birth_date }} >= cast('1905-01-01' as date) and {{ birth_date }} < {{ as_of_date() }} then {{ birth_date }}
    end
{%- endmacro %}
