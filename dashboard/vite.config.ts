import { defineConfig } from "vitest/config";

/** What the page asks of the service, in `npm run dev`. */
const service = process.env.SERVICE ?? "http://127.0.0.1:4000";

export default defineConfig({
  resolve: {
    alias: { "adaptive-bi-client": new URL("../clients/js/src/index.ts", import.meta.url).pathname },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    // Colours that are light or dark by themselves, as these know them.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    modulePreload: false,
    // Every file has a name of its own, so that none stands in the page where its policy forbids it.
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        entryFileNames: "assets/[name]-[hash].js",
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
  server: { proxy: { "/api": { target: service, ws: true, changeOrigin: true } } },
  test: { include: ["src/**/*.test.ts"] },
});
