import type { ComponentChildren } from "preact";

export interface Column<R> {
  /** Left out over buttons, which say what they do. */
  readonly title?: string;
  readonly isNumber?: boolean;
  /** Left out where there is little room. */
  readonly isMinor?: boolean;
  /** What programs wrote: it runs from left to right in every language. */
  readonly isCode?: boolean;
  readonly cell: (row: R) => ComponentChildren;
}

interface Props<R> {
  /** What it is a table of, for who does not see it. */
  readonly name: string;
  readonly columns: readonly Column<R>[];
  readonly rows: readonly R[];
  readonly id: (row: R) => string | number;
  readonly row?: (row: R) => string;
}

/** Rows under titles. Where it is too wide it scrolls by itself, by keyboard too. */
export function Table<R>({ name, columns, rows, id, row }: Props<R>) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={name}>
      <table class="rows">
        <thead>
          <tr>
            {columns.map((it, at) => (it.title === undefined ? <td key={at} /> : <th key={at} scope="col" class={kind(it)}>{it.title}</th>))}
          </tr>
        </thead>
        <tbody>
          {rows.map((it) => (
            <tr key={id(it)} class={row?.(it)}>
              {columns.map((column, at) => (
                <td key={at} class={kind(column)} dir={column.isCode === true ? "ltr" : undefined}>
                  {column.cell(it)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function kind<R>({ isNumber, isMinor }: Column<R>): string | undefined {
  return [isNumber === true ? "n" : "", isMinor === true ? "minor" : ""].join(" ").trim() || undefined;
}
