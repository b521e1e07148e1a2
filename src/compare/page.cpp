#include "compare/page.hpp"

#include "compare/charts.hpp"

namespace qi8::compare {
namespace {

// Light and dark.
constexpr const char* kStyle = R"(
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --line: #dfe3e8; --text: #1b2330; --soft: #5b6675;
  --fp32: #8b98a9; --int8: #0f7c8a; --good: #177245; --bad: #b3261e; --good-back: #e3f4ea; --bad-back: #fdeae8;
  --limit: #b3261e; }
@media (prefers-color-scheme: dark) { :root {
  --page: #10151b; --card: #19202a; --line: #2c3643; --text: #e7ebf0; --soft: #9aa6b5;
  --fp32: #76859a; --int8: #35b5c4; --good: #5fd394; --bad: #ff8a80; --good-back: #143324; --bad-back: #3d1c1a;
  --limit: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1rem 3rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 0 0 .25rem; }
p { margin: .25rem 0; }
.soft { color: var(--soft); }
.small { font-size: .87rem; }
header { margin-bottom: 1.25rem; }
section, .verdict { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1rem 1.1rem; margin-bottom: 1rem; }
.verdict { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: baseline; border-left-width: 6px; }
.verdict b { font-size: 1.45rem; letter-spacing: .02em; }
.verdict.pass { background: var(--good-back); border-color: var(--good); } .verdict.pass b { color: var(--good); }
.verdict.fail { background: var(--bad-back); border-color: var(--bad); } .verdict.fail b { color: var(--bad); }
.verdict .note { flex-basis: 100%; overflow-wrap: anywhere; } .verdict .note b { font-size: inherit; color: inherit; }
.verdict ul { flex-basis: 100%; margin: .2rem 0 0; padding-left: 1.2rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(13.5rem, 1fr)); gap: 1rem;
  margin-bottom: 1rem; }
.tiles section { margin: 0; }
.tile-value { font-size: 1.9rem; font-weight: 650; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile-unit { font-size: 1rem; font-weight: 500; color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 550; font-size: .82rem; color: var(--soft); }
th, td { padding: .38rem .9rem .38rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.name { white-space: normal; overflow-wrap: anywhere; min-width: 9rem; }
tr:last-child td { border-bottom: 0; }
.pass-mark { color: var(--good); font-weight: 650; } .fail-mark { color: var(--bad); font-weight: 650; }
.key { display: inline-flex; gap: 1rem; margin: .2rem 0 .6rem; font-size: .87rem; color: var(--soft); }
.key i { display: inline-block; width: .8rem; height: .8rem; border-radius: 3px; margin-right: .35rem;
  vertical-align: -1px; }
i.fp32 { background: var(--fp32); } i.int8 { background: var(--int8); }
.lane-row { display: grid; grid-template-columns: 3.2rem minmax(0, 1fr) 18rem; gap: 0 .7rem; align-items: center;
  font-variant-numeric: tabular-nums; }
.numbers { white-space: nowrap; }
.lane-row svg { grid-column: 2; }
.lane-case { font-weight: 550; margin-top: .7rem; overflow-wrap: anywhere; }
@media (max-width: 38rem) { .lane-row { grid-template-columns: 3.2rem minmax(0, 1fr); }
  .lane-row .numbers { grid-column: 2; }
  .wide { display: none; } th, td { padding-right: .6rem; } td.limit-text { white-space: normal; }
  td.name { min-width: 6rem; } }
.bars { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .6rem 1.6rem; }
svg { display: block; overflow: visible; }
svg text { font-size: 12px; fill: var(--text); font-variant-numeric: tabular-nums; }
svg text.axis { fill: var(--soft); text-anchor: middle; } svg text.start { text-anchor: start; }
svg text.end { text-anchor: end; }
.fp32 { fill: var(--fp32); } .int8 { fill: var(--int8); }
.dot { fill-opacity: .45; } .beyond { fill: none; stroke-width: 1.5; }
.beyond.fp32 { stroke: var(--fp32); } .beyond.int8 { stroke: var(--int8); }
svg text.label { paint-order: stroke; stroke: var(--card); stroke-width: 5px; stroke-linejoin: round; }
.lane, .grid, .tick { stroke: var(--line); } .median { stroke: var(--text); stroke-width: 2; }
.limit { stroke: var(--limit); stroke-width: 2; stroke-dasharray: 4 3; }
.curve { stroke-width: 2.5; stroke-linecap: round; } .curve.fp32 { stroke: var(--fp32); }
.curve.int8 { stroke: var(--int8); }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem 1.2rem; margin: .4rem 0 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
)";

}  // namespace

std::string HtmlPage(std::string_view mark, const std::string& title, const std::string& body,
                     const std::string& script) {
  const std::string allowed = std::string("default-src 'none'; style-src 'unsafe-inline'") +
                              (script.empty() ? "" : "; script-src 'unsafe-inline'");
  return std::string(mark) + "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" +
         "<meta http-equiv=\"Content-Security-Policy\" content=\"" + allowed + "\">\n" +
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" + Escape(title) +
         "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n<main>\n" + body + "</main>\n" +
         (script.empty() ? "" : "<script>" + script + "</script>\n") + "</body>\n</html>\n";
}

std::string Section(const std::string& title, const std::string& note, const std::string& body) {
  return "<section><h2>" + Escape(title) + "</h2>" +
         (note.empty() ? "" : "<p class=\"soft small\">" + Escape(note) + "</p>") + body + "</section>\n";
}

std::string Cell(const std::string& text, const char* css_class) {
  return std::string("<td") + (*css_class != '\0' ? std::string(" class=\"") + css_class + "\"" : "") + ">" +
         Escape(text) + "</td>";
}

std::string Table(const std::vector<std::string>& titles, const std::string& rows) {
  std::string head;
  for (const std::string& title : titles) {
    head += std::string(title == kChange ? "<th class=\"wide\">" : "<th>") + Escape(title) + "</th>";
  }
  return "<div class=\"scroll\"><table><thead><tr>" + head + "</tr></thead><tbody>" + rows +
         "</tbody></table></div>";
}

}  // namespace qi8::compare
