/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time - RFC 3339 times, read and written without the C library's time zones.
 */
#include "runtime/base/text.h"

#include <inttypes.h>

static bool
is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int
days_in_month(int64_t year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/*
 * Days from 1970-01-01 to a date. Years are counted from March, so that the leap day is the last day of one:
 * 719468 is the number of days from 0000-03-01 to 1970-01-01.
 */
static int64_t
days_from_date(int64_t year, int month, int day)
{
	int64_t years = year - (month <= 2);
	int64_t era = (years >= 0 ? years : years - 399) / 400;
	int64_t year_of_era = years - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

/* The other way round. */
static void
date_from_days(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t since = days + 719468;
	int64_t era = (since >= 0 ? since : since - 146096) / 146097;
	int64_t day_of_era = since - era * 146097;
	int64_t year_of_era =
	    (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int day_of_year =
	    (int)(day_of_era - (year_of_era * 365 + year_of_era / 4 - year_of_era / 100));
	int from_march = (5 * day_of_year + 2) / 153;

	*day = day_of_year - (153 * from_march + 2) / 5 + 1;
	*month = from_march < 10 ? from_march + 3 : from_march - 9;
	*year = year_of_era + era * 400 + (*month <= 2);
}

/* @n digits at @text as a number; -1 when they are none. */
static int
number_at(const char *text, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + text[i] - '0';
	}
	return value;
}

/* ".123" into nanoseconds; more than nine digits are cut. Returns what follows, or NULL. */
static const char *
read_fraction(const char *text, long *nanoseconds)
{
	long scale = 100000000;

	*nanoseconds = 0;
	if (*text != '.')
		return text;
	text++;
	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		*nanoseconds += scale * (*text - '0');
		scale /= 10;
	}
	return text;
}

/* "Z" or "+02:00" into seconds; false when it is neither, or something follows. */
static bool
read_offset(const char *text, int *seconds)
{
	int hours, minutes;

	*seconds = 0;
	if ((*text == 'Z' || *text == 'z') && text[1] == '\0')
		return true;
	if ((*text != '+' && *text != '-') || strlen(text) != 6 || text[3] != ':')
		return false;
	hours = number_at(text + 1, 2);
	minutes = number_at(text + 4, 2);
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return false;
	*seconds = (hours * 60 + minutes) * (*text == '-' ? -60 : 60);
	return true;
}

static bool
read_rfc3339(const char *text, struct timespec *time)
{
	int year, month, day, hour, minute, second, offset;
	const char *rest;

	if (strlen(text) < strlen("0000-00-00T00:00:00Z") || text[4] != '-' || text[7] != '-' ||
	    (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':')
		return false;
	year = number_at(text, 4);
	month = number_at(text + 5, 2);
	day = number_at(text + 8, 2);
	hour = number_at(text + 11, 2);
	minute = number_at(text + 14, 2);
	second = number_at(text + 17, 2);
	rest = read_fraction(text + 19, &time->tv_nsec);
	if (year < 0 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) ||
	    hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 ||
	    !rest || !read_offset(rest, &offset))
		return false;
	time->tv_sec =
	    days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
	return true;
}

int
parse_rfc3339(const char *text, struct timespec *time, struct error *e)
{
	struct timespec parsed;

	if (!read_rfc3339(text, &parsed)) {
		error_set(e, ERR_INPUT, "'%.80s' is not a time as in RFC 3339", text);
		return error_hint(e, "write it as 2024-05-01T10:00:00Z");
	}
	*time = parsed;
	return 0;
}

void
text_add_rfc3339(struct buf *b, const struct timespec *time)
{
	int64_t days = time->tv_sec / 86400 - (time->tv_sec % 86400 < 0);
	int second = (int)(time->tv_sec - days * 86400);
	long nanoseconds = time->tv_nsec;
	int digits = 9, month, day;
	int64_t year;

	date_from_days(days, &year, &month, &day);
	buf_printf(b, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d", year, month, day, second / 3600,
	    second / 60 % 60, second % 60);
	if (nanoseconds > 0) {
		for (; nanoseconds % 10 == 0; nanoseconds /= 10)
			digits--;
		buf_printf(b, ".%0*ld", digits, nanoseconds);
	}
	buf_add_char(b, 'Z');
}
