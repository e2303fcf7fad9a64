import { address } from "../../address/navigation";
import { OneLink } from "../../parts/One";
import { AllSold, OneSold, PRODUCTS } from "../../parts/Sold";
import type { Column } from "../../parts/Table";
import { useShows } from "../../parts/use";
import type { Products as Answer, Series, Sold } from "../../state/shapes";
import { useStore } from "../../state/store";

type Row = Answer["products"][number];

interface Product extends Series {
  readonly name: string | null;
  readonly category: string | null;
  readonly price: number | null;
  readonly stock: number | null;
  readonly description: string | null;
  readonly sold: Sold;
  readonly ratings: { readonly count: number; readonly averageRating: number };
}

/** The products with what was sold of them in the range; or one of them. */
export function Products() {
  const { say, formats } = useShows();
  const id = useStore(address, (it) => it.id);
  const money = (value: number | null) => (value === null ? null : formats.money(value));
  const number = (value: number | null) => (value === null ? null : formats.number(value));
  if (id !== undefined) {
    return (
      <OneSold<Product>
        kind={PRODUCTS}
        id={id}
        title={say("list.product")}
        name={(it) => it.name}
        facts={(it) => [
          [say("list.category"), it.category],
          [say("list.price"), money(it.price)],
          [say("list.stock"), number(it.stock)],
          [say("panel.ratings"), it.ratings.count === 0 ? null : formats.number(it.ratings.averageRating)],
        ]}
        more={(it) => it.description !== null && <p class="quiet full">{it.description}</p>}
      />
    );
  }
  const columns: Column<Row>[] = [
    {
      title: say("list.name"),
      cell: ({ productId, name, isGone }) => (
        <>
          <OneLink page="products" id={productId} name={name} />
          {isGone && <span class="tag">{say("list.gone")}</span>}
        </>
      ),
    },
    { title: say("list.id"), isMinor: true, cell: (it) => <span class="quiet">{it.productId}</span> },
    { title: say("list.category"), isMinor: true, cell: (it) => it.category ?? "–" },
    { title: say("list.price"), isNumber: true, isMinor: true, cell: (it) => money(it.price) ?? "–" },
    { title: say("list.stock"), isNumber: true, cell: (it) => number(it.stock) ?? "–" },
  ];
  return <AllSold<Answer, Row> kind={PRODUCTS} columns={columns} rows={(it) => it.products} id={(it) => it.productId} />;
}
