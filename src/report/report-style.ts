/** The style sheet of the report: no script, no font and no address outside the page. */
import { themeRules } from "./drawing/theme.ts";

/** CSS of the report page. */
export const REPORT_STYLE: string = `${themeRules(":root")}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
main{max-width:1180px;margin:0 auto;padding:40px 24px 64px}
header{margin-bottom:32px}
h1{font-size:28px;line-height:1.25;letter-spacing:-.01em;margin:12px 0 6px}
h2{font-size:19px;line-height:1.3;margin:0 0 14px}
p{margin:0 0 12px;max-width:75ch}
section,details{margin-top:36px}
.muted{color:var(--muted)}
.mark{display:block}
.panel{background:var(--panel);border:1px solid var(--line);border-radius:12px}
.note{color:var(--muted);margin:-8px 0 14px}
.cards{display:flex;flex-wrap:wrap;gap:16px}
.card{flex:1 1 205px;padding:18px 20px}
.card .label{color:var(--muted);font-size:14px}
.card .value{font-size:28px;line-height:1.3;font-weight:650;letter-spacing:-.01em;margin:4px 0}
.card .detail{color:var(--muted);font-size:14px;line-height:1.45}
.card.good .value,.card.bad .value{display:inline-block;font-size:18px;line-height:27px;padding:3px 10px;margin:5px 0;border-radius:8px;white-space:nowrap}
.card.good .value{color:var(--good);background:var(--good-ground)}
.card.bad .value{color:var(--bad);background:var(--bad-ground)}
.card.bad{border-color:var(--bad)}
.plots{display:grid;gap:20px}
@media (min-width:1080px){.plots.two{grid-template-columns:repeat(2,1fr)}.plots .tall{grid-row:span 2}}
@media (min-width:800px){.plots.three{grid-template-columns:repeat(2,1fr)}}
@media (min-width:1120px){.plots.three{grid-template-columns:repeat(3,1fr)}}
figure{margin:0;padding:18px 20px;overflow-x:auto;min-width:0}
figure svg{display:block}
figcaption{color:var(--muted);font-size:14px;margin-top:10px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{padding:9px 8px;font-size:14px;text-align:left;border-bottom:1px solid var(--line);vertical-align:baseline}
th{font-weight:500;color:var(--muted);white-space:nowrap}
th.number,td.number{text-align:right;white-space:nowrap}
th:first-child,td:first-child{padding-left:16px}th:last-child,td:last-child{padding-right:16px}
tr:last-child td{border-bottom:0}
tfoot td{font-weight:600;border-top:1px solid var(--axis)}
pre{margin:0 0 12px;padding:14px 16px;overflow-x:auto;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
summary{cursor:pointer;font-size:19px;font-weight:700;line-height:1.3;margin-bottom:14px}
summary:focus-visible{outline:2px solid var(--series-0);outline-offset:4px;border-radius:4px}
.body{margin-top:20px}h2+.body,summary+.body,.note+.body{margin-top:0}
details+details{margin-top:14px}
footer{margin-top:48px;color:var(--muted);font-size:14px}
@media print{body{background:none}main{max-width:none;padding:0}.panel{break-inside:avoid}}
`;
