"""The columns of public tables are found by their names; ambiguous names give a note or an error."""

import itertools
import re

import pandas as pd
import pytest
from tables import history, write

from tfrec.data import read
from tfrec.data.readers.known_names import WELL_KNOWN, candidates, is_data
from tfrec.errors import InputError

# Publisher's header -> user, item, time, weight; "-" if no column must be found.
HEADERS = {
    "reviewerID,asin,reviewerName,helpful,reviewText,overall,summary,unixReviewTime,reviewTime": (
        "reviewerID asin unixReviewTime overall"
    ),
    "rating,title,text,images,asin,parent_asin,user_id,timestamp,helpful_vote,verified_purchase": (
        "user_id parent_asin timestamp rating"
    ),
    "marketplace,customer_id,review_id,product_id,product_parent,product_title,star_rating,review_date": (
        "customer_id product_id review_date star_rating"
    ),
    "Id,ProductId,UserId,ProfileName,HelpfulnessNumerator,Score,Time,Summary,Text": "UserId ProductId Time Score",
    "User-ID,ISBN,Book-Rating": "User-ID ISBN - Book-Rating",
    "user_id,book_id,is_read,rating,is_reviewed": "user_id book_id - rating",
    "userID,artistID,weight": "userID artistID - weight",
    "userID,bookmarkID,tagID,timestamp": "userID bookmarkID timestamp -",
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country": (
        "CustomerID StockCode InvoiceDate Quantity"
    ),
    "timestamp,visitorid,event,itemid,transactionid": "visitorid itemid timestamp -",
    "SessionId,TimeStamp,ItemId,Category": "SessionId ItemId TimeStamp -",
    "session_id,user_id,item_id,timeframe,eventdate": "user_id item_id eventdate -",
    "username,product_id,date,text,hours,page_order": "username product_id date -",
    "app_id,helpful,funny,date,is_recommended,hours,user_id,review_id": "user_id app_id date -",
    "review_id,user_id,business_id,stars,useful,funny,cool,text,date": "user_id business_id date stars",
    "userID,movieID,movie-categoryID,reviewID,movieRating,date": "userID movieID date movieRating",
    "userId,venueId,venueCategoryId,venueCategory,latitude,longitude,timezoneOffset,utcTimestamp": (
        "userId venueId utcTimestamp -"
    ),
    "user,check-in_time,latitude,longitude,location_id": "user location_id check-in_time -",
    "Cust_Id,Movie_Id,Rating,Date": "Cust_Id Movie_Id Date Rating",
    "UserId,JokeId,Rating": "UserId JokeId - Rating",
    "user_id,recipe_id,date,rating,u,i": "user_id recipe_id date rating",
    "user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio": (
        "user_id video_id timestamp watch_ratio"
    ),
    "user_id,video_id,date,hourmin,time_ms,is_like": "user_id video_id time_ms -",
    "user_id,item_id,cat_id,seller_id,brand_id,time_stamp,action_type": "user_id item_id time_stamp -",
    "household_key,BASKET_ID,DAY,PRODUCT_ID,QUANTITY,STORE_ID,TRANS_TIME,WEEK_NO": (
        "household_key PRODUCT_ID - QUANTITY"
    ),
    "order_id,product_id,add_to_cart_order,reordered": "- product_id - -",
    "t_dat,customer_id,article_id,price,sales_channel_id": "customer_id article_id t_dat -",
    "username,anime_id,my_score,my_watched_episodes": "username anime_id - my_score",
    "brewery_id,brewery_name,review_time,review_overall,review_aroma,review_profilename,beer_name,beer_beerid": (
        "review_profilename beer_beerid review_time review_overall"
    ),
    "beer/name,beer/beerId,beer/brewerId,review/overall,review/time,review/profileName": (
        "review/profileName beer/beerId review/time review/overall"
    ),
    "user.id,doc.id,rating": "user.id doc.id - rating",
    "USER_MD5,MOVIE_ID,RATING,RATING_TIME,COMMENT_ID": "USER_MD5 MOVIE_ID RATING_TIME RATING",
    "user_id,session_id,timestamp,step,action_type,reference,platform": "user_id - timestamp -",
    "session,aid,ts,type": "session aid ts -",
    "msno,song_id,source_system_tab,source_type": "msno song_id - -",
    "display_id,uuid,document_id,timestamp,platform": "- document_id timestamp -",
    "TRANSACTION_DT,CUSTOMER_ID,AGE_GROUP,PIN_CODE,PRODUCT_SUBCLASS,PRODUCT_ID,AMOUNT": (
        "CUSTOMER_ID PRODUCT_ID TRANSACTION_DT -"
    ),
    "event_time,event_type,product_id,category_id,brand,price,user_id,user_session": "user_id product_id event_time -",
    "order_id,customer_id,customer_unique_id,product_id,review_score,order_purchase_timestamp": (
        "customer_unique_id product_id order_purchase_timestamp review_score"
    ),
    "user_id,session_id,session_start,session_size,click_article_id,click_timestamp": (
        "user_id click_article_id click_timestamp -"
    ),
    "listing_id,id,date,reviewer_id,reviewer_name,comments": "reviewer_id listing_id date -",
    "user_id,name,time,rating,text,gmap_id": "user_id gmap_id time rating",
    "user_id,artist_id,album_id,track_id,timestamp": "user_id track_id timestamp -",
    "ratings.user_id,ratings.movie_id,ratings.rating,ratings.ts": (
        "ratings.user_id ratings.movie_id ratings.ts ratings.rating"
    ),
}


@pytest.mark.parametrize("header", HEADERS)
def test_columns_of_public_datasets_get_the_right_roles(header):
    names = header.split(",")
    found = [next(iter(candidates(role, names)), "-") for role in ("user", "item", "time", "weight")]
    assert found == HEADERS[header].split()


def test_a_name_belongs_to_one_role():
    for one, other in itertools.combinations(WELL_KNOWN, 2):
        assert not set(WELL_KNOWN[one]) & set(WELL_KNOWN[other])


def test_misleading_names_are_not_recognised():
    names = (
        "id title price category_id brand_id release_date birth_date playTime watch_time order_id transactionid "
        "track_number PIN_CODE average_rating rating_count num_users item_name author_name"
    )
    assert [name for name in names.split(" ") if any(candidates(role, [name]) for role in WELL_KNOWN)] == []


def test_a_choice_among_several_columns_is_noted(tmp_path):
    path = write(tmp_path / "t.csv", "user_id,asin,parent_asin,timestamp\nu,a,p,1\n")
    table = read(path)
    assert table.item_ids.tolist() == ["p"]
    assert "'parent_asin' is read as item; other candidates: 'asin'. Choose one with item= (--item)" in str(
        table.report
    )
    assert read(path, item="asin").item_ids.tolist() == ["a"]
    assert "other candidates" not in str(read(path, item="asin").report)
    plain = read(write(tmp_path / "plain.csv", "userId,movieId,rating,timestamp\n1,2,3,4\n"))
    assert not plain.report.notes  # unambiguous names give no note


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("day", ["2020-01-02", "2020-01-01"]),
        ("seen", ["11/28/2011 12:38", "11/27/2011 1:00"]),
        ("seen", ["02/03/2011", "01/03/2011"]),
        ("my_last_updated", ["1380000002", "1380000001"]),
        ("last_ts", ["1380000002", "1380000001"]),
        ("DAY", ["2", "1"]),
        ("seen", ["Tue Apr 03 18:00:09 +0000 2012", "Tue Apr 03 18:00:08 +0000 2012"]),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_unnamed_column_of_dates_raises_an_error(tmp_path, column, values, kind):
    frame = pd.DataFrame({"user": ["a", "a"], "item": [1, 2], column: values})
    path = tmp_path / f"t.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    else:
        frame[column] = pd.to_numeric(frame[column], errors="coerce").fillna(frame[column])
        frame.to_parquet(path)
    with pytest.raises(InputError, match=rf"'{column}' looks like one.*'{re.escape(values[0])}'.*--time.*--no-time"):
        read(path)
    table = read(path, time=False)
    assert table.times is None and "time order" in str(table.report)
    if "02/03" not in values[0]:
        assert history(read(path, time=column), "a") == ["2", "1"]


def test_ambiguous_days_and_months_raise_an_error(tmp_path):
    path = write(tmp_path / "t.csv", "user,item,Date\na,1,02/03/2011 10:00\na,2,01/04/2011 9:00\n")
    with pytest.raises(InputError, match=r"'02/03/2011 10:00'.*--date-format.*'%d/%m/%Y %H:%M' or '%m/%d/%Y %H:%M'"):
        read(path)


def test_dates_of_online_retail_are_read_month_first_and_returns_are_noted(tmp_path):
    text = (
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "1,85123A,X,6,12/1/2010 8:26,2.5,17850,UK\n1,71053,Y,-2,11/30/2010 8:00,3.4,17850,UK\n"
    )
    table = read(write(tmp_path / "t.csv", text))
    assert history(table, "17850") == ["71053", "85123A"]
    assert (table.times[1] - table.times[0]) == 24 * 3600 + 26 * 60
    report = str(table.report)
    assert "read month first: '11/30/2010 8:00' is 2010-11-30" in report
    assert "'Quantity' is negative in 1 row" in report
    assert "'CustomerID' as user, 'StockCode' as item, 'InvoiceDate' as time, 'Quantity' as weight" in report


def test_a_first_row_of_numbers_is_not_a_header(tmp_path):
    assert is_data(["1", "10", "4.0"]) and is_data(["1", "68fd1e64", "0.5", "b"]) and is_data(["1", "video", "0.5"])
    assert not is_data(["user", "item", "2010"]) and not is_data(["label", "0", "1"]) and not is_data(["0", "1", "2"])
    path = write(tmp_path / "t.csv", "1,10,4.0\n1,20,3.0\n")
    with pytest.raises(InputError, match="looks like a row and not like a header"):
        read(path, user="1", item="10")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.jsonl", '{"session": 0, "events": [{"aid": 1, "ts": 2}]}\n', "'events' holds lists of objects"),
        ("t.txt", "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n", "'1:' above a block of rows.*movie,user,rating"),
        ("t.csv", "user,item,date,time\na,1,2016-10-30,10:05:34\n", "times of day without a date.*--time"),
        ("t.csv", "order_id,product_id\n2,33120\n", "well-known name for user ids.*--user"),
        ("t.csv", "A39,0205616461,5.0,1369699200\n", "--no-header --user 1 --item 2.*--columns user,item"),
    ],
)
def test_unsupported_layouts_raise_an_error_that_says_what_to_do(tmp_path, name, text, message):
    with pytest.raises(InputError, match=message):
        read(write(tmp_path / name, text))


def test_an_inter_file_without_a_time_gets_a_note(tmp_path):
    table = read(write(tmp_path / "t.inter", "user_id:token\titem_id:token\nu\ta\nu\tb\n"))
    assert "no time column" in str(table.report)
