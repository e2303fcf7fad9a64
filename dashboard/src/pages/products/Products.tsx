import { filtered } from "../../address/address";
import { address, go, link } from "../../address/navigation";
import { path, range, series } from "../../address/views";
import { Generated } from "../../parts/Bars";
import { type Column, List, SORTS } from "../../parts/List";
import { Facts, OneHead, SeriesPanel } from "../../parts/One";
import { Panel } from "../../parts/Panel";
import { isGenerated, useFigures, useFormats, useSay } from "../../parts/use";
import { useViews } from "../../parts/useViews";
import type { Products as Answer, Series, Sold } from "../../state/shapes";
import { useStore } from "../../state/store";

type Row = Answer["products"][number];

/** The products with what was sold of them in the range; or one of them. */
export function Products() {
  const id = useStore(address, (it) => it.id);
  return id === undefined ? <All /> : <One id={id} />;
}

function All() {
  const say = useSay();
  const formats = useFormats();
  const at = useStore(address, (it) => it);
  const category = at.filters.category;
  const columns: Column<Row>[] = [
    {
      title: say("list.name"),
      cell: ({ productId, name, isGone }) => (
        <>
          <a href={link({ page: "products", id: productId })} data-go="">
            {name ?? productId}
          </a>
          {isGenerated(productId) && <Generated />}
          {isGone && <span class="tag">{say("list.gone")}</span>}
        </>
      ),
    },
    { title: say("list.id"), isMinor: true, cell: (it) => <span class="quiet">{it.productId}</span> },
    { title: say("list.category"), isMinor: true, cell: (it) => it.category ?? "–" },
    { title: say("list.price"), isNumber: true, isMinor: true, cell: (it) => (it.price === null ? "–" : formats.money(it.price)) },
    { title: say("list.stock"), isNumber: true, cell: (it) => (it.stock === null ? "–" : formats.number(it.stock)) },
    { title: say("list.orders"), isNumber: true, isMinor: true, cell: (it) => formats.number(it.sold.orders) },
    { title: say("list.units"), isNumber: true, isMinor: true, cell: (it) => formats.number(it.sold.units) },
    { title: say("list.returned"), isNumber: true, isMinor: true, cell: (it) => formats.money(it.sold.returnedAmount) },
    { title: say("list.netSales"), isNumber: true, cell: (it) => formats.money(it.sold.netSales) },
  ];
  return (
    <List<Answer, Row>
      title={say("page.products")}
      at="/api/products"
      parameters={{ ...range(at), ...(category === undefined ? {} : { category }) }}
      sorts={SORTS}
      hint={say("list.searchProducts")}
      columns={columns}
      rows={(it) => it.products}
      id={(it) => it.productId}
    />
  );
}

interface Product extends Series {
  readonly productId: string;
  readonly name: string | null;
  readonly category: string | null;
  readonly price: number | null;
  readonly stock: number | null;
  readonly description: string | null;
  readonly sold: Sold;
  readonly ratings: { readonly count: number; readonly averageRating: number };
}

function One({ id }: { readonly id: string }) {
  const say = useSay();
  const formats = useFormats();
  const at = useStore(address, (it) => it);
  const view = path(`/api/products/${encodeURIComponent(id)}`, series(at));
  useViews([view]);
  const figures = useFigures<Product>(view);
  const it = figures.data;
  return (
    <>
      <OneHead page="products" id={id} name={it?.name ?? id} />
      <div class="grid">
        <Panel
          title={say("list.product")}
          figures={figures}
          tools={
            <button
              type="button"
              class="link"
              onClick={() => go({ page: "overview", id: undefined, filters: filtered(at.filters, "productId", id) })}
            >
              {say("list.onOverview")}
            </button>
          }
        >
          {() =>
            it !== undefined && (
              <>
                <Facts
                  facts={[
                    [say("list.id"), it.productId],
                    [say("list.category"), it.category],
                    [say("list.price"), it.price === null ? null : formats.money(it.price)],
                    [say("list.stock"), it.stock === null ? null : formats.number(it.stock)],
                    [say("list.netSales"), formats.money(it.sold.netSales)],
                    [say("list.orders"), formats.number(it.sold.orders)],
                    [say("list.units"), formats.number(it.sold.units)],
                    [say("list.returned"), formats.money(it.sold.returnedAmount)],
                    [say("panel.ratings"), it.ratings.count === 0 ? null : formats.number(it.ratings.averageRating)],
                  ]}
                />
                <p class="quiet">{it.description}</p>
              </>
            )
          }
        </Panel>
        <SeriesPanel figures={figures} />
      </div>
    </>
  );
}
