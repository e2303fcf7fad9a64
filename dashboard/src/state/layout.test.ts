import { describe, expect, it } from "vitest";
import { type Layout, PANELS, USUAL, added, moved, put, read, removed, resized } from "./layout";

const three: Layout = [
  { id: "sales", size: "wide" },
  { id: "feed", size: "third" },
  { id: "funnel", size: "half" },
];
const ids = (layout: Layout) => layout.map((it) => it.id);

describe("a layout", () => {
  it("has every panel, unless a person has another one", () => {
    expect([...ids(USUAL)].sort()).toEqual([...PANELS].sort());
    for (const config of [undefined, null, {}, { overview: 7 }, { overview: { panels: [] } }]) {
      expect(read(config)).toBe(USUAL);
    }
  });

  it("is read as it was kept, without what is not known or there twice", () => {
    expect(read({ widgets: [], overview: { panels: three } })).toEqual(three);
    const panels = [{ id: "feed", size: "huge" }, { id: "of-tomorrow" }, null, { id: "feed", size: "half" }];
    expect(read({ overview: { panels } })).toEqual([{ id: "feed", size: "third" }]);
  });

  it("panels move, and stay within it", () => {
    expect(ids(moved(three, "funnel", -1))).toEqual(["sales", "funnel", "feed"]);
    expect(ids(moved(three, "sales", 9))).toEqual(["feed", "funnel", "sales"]);
    expect(moved(three, "sales", -1)).toBe(three);
    expect(ids(put(three, "sales", "funnel"))).toEqual(["feed", "funnel", "sales"]);
    expect(ids(put(three, "funnel", "sales"))).toEqual(["funnel", "sales", "feed"]);
    expect(put(three, "ratings", "sales")).toBe(three);
  });

  it("panels get every size in turn", () => {
    let layout = three;
    const sizes = [1, 2, 3, 4].map(() => (layout = resized(layout, "feed"))[1]?.size);
    expect(sizes).toEqual(["half", "wide", "full", "third"]);
  });

  it("panels go and come back, but for the last", () => {
    expect(ids(removed(three, "feed"))).toEqual(["sales", "funnel"]);
    expect(added(removed(three, "feed"), "feed").at(-1)).toEqual({ id: "feed", size: "third" });
    expect(added(three, "feed")).toBe(three);
    const one: Layout = [{ id: "sales", size: "full" }];
    expect(removed(one, "sales")).toBe(one);
  });
});
