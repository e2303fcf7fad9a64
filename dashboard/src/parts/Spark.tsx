/** A line of a few pixels: how a figure went. */
export function Spark({ values }: { readonly values: readonly number[] }) {
  if (values.length < 2) return <svg class="spark" aria-hidden="true" viewBox="0 0 100 28" />;
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const x = (at: number) => ((at / (values.length - 1)) * 100).toFixed(2);
  const y = (value: number) => (26 - ((value - least) / (most - least || 1)) * 24).toFixed(2);
  const points = values.map((value, at) => `${x(at)},${y(value)}`).join(" ");
  return (
    <svg class="spark" aria-hidden="true" viewBox="0 0 100 28" preserveAspectRatio="none">
      <polygon points={`0,28 ${points} 100,28`} />
      <polyline points={points} vector-effect="non-scaling-stroke" />
    </svg>
  );
}
