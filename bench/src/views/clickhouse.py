"""Answers SQL from tables that are loaded once. Each line of the input is a JSON object {"sql": [...]}, each
line of the output {"ms": ..., "rows": [[...], ...]}: the time of the queries alone, and the rows of each."""

import json
import os
import sys
import time

from chdb import session

INSTANT = "fromUnixTimestamp64Milli(%s, 'UTC') AS %s"
COLUMNS = {
    "orders": ("at order_id user_id ^country ^payment ^status quantity# amount# discount#", "at, order_id"),
    "lines": (
        "at order_id user_id product_id ^category ^country ^payment ^status quantity# amount#",
        "at, order_id",
    ),
    "returns": (
        "at order_at order_id user_id product_id ^category ^country ^payment quantity# amount#",
        "at, order_id",
    ),
    "activities": ("at user_id ^type ^device ^page ^country session_id", "at, user_id"),
    "ratings": ("at user_id product_id stars#", "at, product_id"),
    "customers": ("user_id since first_visit?", "since, user_id"),
    "products": ("product_id ^category stock?#", "product_id"),
}
TIMES = {"at", "order_at", "since", "first_visit"}


def loaded(name, columns, order, folder):
    """The statement that makes a table of a file."""
    types, chosen = [], []
    for column in columns.split():
        plain = column.strip("^?#")
        kind = "Int64" if "#" in column or plain in TIMES else "String"
        types.append(f"{plain} Nullable({kind})" if "?" in column else f"{plain} {kind}")
        if plain in TIMES:
            chosen.append(INSTANT % (f"source.{plain}", plain))
        elif column.startswith("^"):
            chosen.append(f"toLowCardinality(source.{plain}) AS {plain}")
        else:
            chosen.append(f"source.{plain} AS {plain}")
    path = os.path.join(folder, f"{name}.tsv")
    return (
        f"CREATE TABLE {name} ENGINE = MergeTree ORDER BY ({order}) AS SELECT {', '.join(chosen)} "
        f"FROM file('{path}', 'TSV', '{', '.join(types)}') AS source"
    )


def main():
    # What the library prints does not go between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    folder = sys.argv[1]
    shop = session.Session(os.path.join(folder, "clickhouse"))
    shop.query("CREATE DATABASE shop ENGINE = Atomic")
    shop.query("USE shop")
    began = time.perf_counter()
    for name, (columns, order) in COLUMNS.items():
        shop.query(loaded(name, columns, order, folder))
        shop.query(f"OPTIMIZE TABLE {name} FINAL")
    version = shop.query("SELECT version()", "TSV").bytes().decode().strip()
    print(json.dumps({"version": version, "seconds": time.perf_counter() - began}), file=answers, flush=True)
    for line in sys.stdin:
        took, rows = 0.0, []
        for sql in json.loads(line)["sql"]:
            began = time.perf_counter()
            answer = shop.query(sql, "JSONCompactEachRow")
            took += time.perf_counter() - began
            rows.append([json.loads(row) for row in answer.bytes().decode().splitlines()])
        print(json.dumps({"ms": took * 1e3, "rows": rows}), file=answers, flush=True)


main()
