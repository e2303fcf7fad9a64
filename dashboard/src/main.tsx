import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/panels.css";
import "./style/lists.css";
import { App } from "./App";

const root = document.getElementById("page");
if (root !== null) render(<App />, root);
