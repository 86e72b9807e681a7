/// How the page looks: light or dark as the reader's machine is set, light on paper.
///
/// Six looks for curves are told apart by colour (after Okabe and Ito, whose palette holds for all kinds of colour vision) and by
/// their dashes; everything else by words, place or size: colour alone never says anything.
enum StyleSheet {
    static let text = """

        :root {
          --paper: #ffffff; --ink: #1b1f24; --soft: #57606a; --edge: #d5dae0; --raised: #f6f8fa; --tick: #e7eaee;
          --c0: #0072b2; --c1: #c04a00; --c2: #00795a; --c3: #a03d78; --c4: #7a5c00; --c5: #3d4450;
          --alarm: #b3261e; --heat: #0b3c6f; --gap: #9aa4af;
          --ph1: #fff0c2; --ph2: #ffd98a; --ph3: #f5a25d; --ph4: #d9603b;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --paper: #12161b; --ink: #e8ecf0; --soft: #a3adb8; --edge: #343c46; --raised: #1a2027; --tick: #262d36;
            --c0: #56b4e9; --c1: #ff9b52; --c2: #35cba1; --c3: #e69eca; --c4: #f0d04a; --c5: #c3cad2;
            --alarm: #ff8a80; --heat: #8cc8ff; --gap: #6b7682;
            --ph1: #3d3617; --ph2: #6a4e10; --ph3: #96501a; --ph4: #b23c1f;
          }
        }
        @media print {
          :root {
            --paper: #ffffff; --ink: #000000; --soft: #444444; --edge: #bbbbbb; --raised: #ffffff; --tick: #dddddd;
            --c0: #0072b2; --c1: #c04a00; --c2: #00795a; --c3: #a03d78; --c4: #7a5c00; --c5: #3d4450;
            --alarm: #b3261e; --heat: #0b3c6f; --gap: #9aa4af;
            --ph1: #fff0c2; --ph2: #ffd98a; --ph3: #f5a25d; --ph4: #d9603b;
          }
        }

        * { box-sizing: border-box; }
        html { color-scheme: light dark; scroll-padding-top: 3rem; }
        body {
          margin: 0 auto; padding: 1.25rem clamp(.75rem, 3vw, 2.5rem) 4rem; max-width: 84rem;
          background: var(--paper); color: var(--ink);
          font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
          overflow-wrap: anywhere;
        }
        a { color: var(--c0); }
        a:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--c0); outline-offset: 3px; border-radius: 3px; }
        h1 { font-size: clamp(1.5rem, 3.6vw, 2.3rem); line-height: 1.2; margin: .2rem 0 .6rem; text-wrap: balance; }
        h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
        h3 { font-size: .95rem; margin: 0; }
        code, kbd { font: .92em ui-monospace, "DejaVu Sans Mono", monospace; }
        kbd { border: 1px solid var(--edge); border-radius: 3px; padding: 0 .3em; }
        .skip { position: absolute; left: -100vw; }
        .skip:focus { position: static; margin-right: 1rem; }
        .source, .hint { color: var(--soft); font-size: .82rem; margin: .3rem 0; }
        .warn { color: var(--alarm); font-size: .88rem; }
        .defs { position: absolute; }

        /* Head */
        header { border-left: 6px solid var(--edge); padding-left: 1rem; }
        header.severity-2, header.severity-3, header.severity-4 { border-color: var(--alarm); }
        .verdict { color: var(--soft); margin: 0; }
        .verdict b { color: var(--ink); }
        .lead { font-size: 1.06rem; max-width: 62rem; margin: 0 0 1rem; }
        .facts { display: flex; flex-wrap: wrap; gap: .5rem 2.2rem; margin: 0; }
        .facts dt { color: var(--soft); font-size: .78rem; text-transform: uppercase; letter-spacing: .05em; }
        .facts dd { margin: 0; font-weight: 600; }

        /* The causal chain: cards with arrows, in a row where there is room */
        .chain { list-style: none; margin: 0; padding: 0; display: grid; gap: 1.5rem;
          grid-template-columns: repeat(auto-fit, minmax(15.5rem, 1fr)); }
        .link { position: relative; border: 1px solid var(--edge); border-top: 4px solid var(--c0); border-radius: 6px;
          background: var(--raised); padding: .7rem .85rem; break-inside: avoid; }
        .link:not(:last-child)::after { content: "➜"; position: absolute; right: -1.4rem; top: .5rem; width: 1.3rem;
          text-align: center; font-size: 1.1rem; color: var(--soft); }
        .link.broken { border-style: dashed; border-top-color: var(--alarm); }
        .link .head { display: flex; align-items: center; gap: .5rem; }
        .link .head > :last-child { margin-left: auto; font-variant-numeric: tabular-nums; font-size: .88rem; }
        .link p { margin: .35rem 0; }
        .icon path { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; }
        .evidence { list-style: none; margin: .3rem 0 0; padding: 0; font-size: .8rem; color: var(--soft); }
        .evidence li { margin-top: .25rem; }
        .meter { display: block; width: 100%; height: 6px; margin-top: 2px; }
        .meter path { fill: none; stroke-width: 6; }
        .meter .room { stroke: var(--tick); }
        .meter .value { stroke: var(--c0); }
        .meter .limit { stroke: var(--ink); stroke-width: 2; vector-effect: non-scaling-stroke; }

        /* Panels: words at the side, the plot beside them; above it on a narrow page */
        #charts { border-top: 1px solid var(--edge); touch-action: pan-y; }
        .panel, .scale { display: grid; grid-template-columns: 14.5rem minmax(0, 1fr); gap: 0 5.4rem; }
        .panel { border-bottom: 1px solid var(--edge); padding: .55rem 0; break-inside: avoid; }
        .scale { position: sticky; top: 0; background: var(--paper); z-index: 2; border-bottom: 1px solid var(--edge); }
        .legend { list-style: none; margin: .15rem 0 0; padding: 0; font-size: .82rem; }
        .legend li { line-height: 1.4; }
        .curves li { display: flex; flex-wrap: wrap; gap: 0 .45rem; align-items: baseline; }
        .curves .name { overflow-wrap: break-word; max-width: 100%; }
        .curves output, .curves b { margin-left: auto; }
        .long li { display: grid; grid-template-columns: auto minmax(0, 1fr); }
        .long output { grid-column: 2; margin-left: 0; }
        .legend output, .legend b, #now { font-weight: 600; font-variant-numeric: tabular-nums; }
        .steps { color: var(--soft); display: flex; flex-wrap: wrap; gap: 0 .3rem; align-items: center; }
        .side .source { font-size: .74rem; }
        .key { vertical-align: middle; }
        .plot, .axis { display: block; width: 100%; overflow: visible; }
        .plot { align-self: center; }
        .plot.tall { height: 100%; min-height: 7rem; max-height: 12rem; }
        .data { overflow: hidden; }
        .plot text, .axis text { font-size: 11px; fill: var(--soft); font-variant-numeric: tabular-nums; }
        .plot text.y { text-anchor: end; transform: translateX(-9px); }
        .plot text.mark { fill: var(--ink); font-size: 12px; }
        .plot text.kill { fill: var(--alarm); font-size: 12px; font-weight: 600; }
        .plot text { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; pointer-events: none; }
        @media (max-width: 52rem) {
          .panel, .scale { grid-template-columns: minmax(0, 1fr); }
          .panel .legend { display: flex; flex-wrap: wrap; gap: 0 1rem; margin-bottom: .3rem; }
          .curves output, .curves b { margin-left: 0; }
          .plot text.y { text-anchor: start; transform: none; }
          .plot.tall { height: 7rem; }
          .panel .side .source { display: none; }
          .chain { grid-template-columns: minmax(0, 1fr); }
          .link:not(:last-child)::after { content: "⬇"; right: auto; left: .6rem; top: auto; bottom: -1.55rem; }
        }

        /* Curves */
        .plot path, .plot line, .key path { fill: none; vector-effect: non-scaling-stroke; stroke-width: 1.8; stroke-linejoin: round; }
        .plot .grid { stroke: var(--tick); stroke-width: 1; }
        #marks path { fill: none; vector-effect: non-scaling-stroke; }
        #marks .tick { stroke: var(--tick); stroke-width: 1; }
        #marks .gap { fill: var(--gap); fill-opacity: .22; }
        #marks .kill { stroke: var(--alarm); stroke-width: 1.4; stroke-dasharray: 3 2; }
        .s0 { stroke: var(--c0); }
        .s1 { stroke: var(--c1); stroke-dasharray: 7 3; }
        .s2 { stroke: var(--c2); stroke-dasharray: 2 3; }
        .s3 { stroke: var(--c3); stroke-dasharray: 9 3 2 3; }
        .s4 { stroke: var(--c4); stroke-dasharray: 4 2; }
        .s5 { stroke: var(--c5); stroke-dasharray: 12 4; }
        .plot .area, .key .area { fill-opacity: .18; }
        .s0.area, .s0.envelope { fill: var(--c0); }
        .s1.area, .s1.envelope { fill: var(--c1); }
        .s2.area, .s2.envelope { fill: var(--c2); }
        .s3.area, .s3.envelope { fill: var(--c3); }
        .s4.area, .s4.envelope { fill: var(--c4); }
        .s5.area, .s5.envelope { fill: var(--c5); }
        .plot .envelope { fill-opacity: .25; stroke: none; }
        .plot .ref, .key .ref { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 1 4; }
        .plot .heat { stroke: var(--heat); stroke-width: 1; vector-effect: none; }
        .key .heat { stroke: var(--heat); stroke-width: 12; vector-effect: none; }
        .h0 { stroke-opacity: .14; } .h1 { stroke-opacity: .32; } .h2 { stroke-opacity: .54; } .h3 { stroke-opacity: .77; } .h4 { stroke-opacity: 1; }
        .plot .p99, .key .p99 { stroke: var(--c1); stroke-width: 2; }

        /* Phases, chain, events */
        .plot .ph { stroke: var(--edge); stroke-width: 1; }
        .ph0 { fill: none; } .plot .ph1 { fill: var(--ph1); } .plot .ph2 { fill: var(--ph2); } .plot .ph3 { fill: var(--ph3); } .plot .ph4 { fill: var(--ph4); }
        .plot .arrow { stroke: var(--soft); stroke-width: 1.4; }
        .plot .arrow.broken { stroke: var(--alarm); stroke-dasharray: 3 3; }
        .plot .dot path { stroke: var(--c5); stroke-width: 8; stroke-linecap: round; }
        .plot .dot .link { stroke: var(--c0); stroke-width: 11; }
        .plot .dot .l0 { stroke: var(--alarm); stroke-width: 11; }
        .plot .dot:hover path, .plot .dot:target path, .plot .dot.near path { stroke-width: 16; stroke: var(--c1); }

        /* What the script adds */
        .plot .cursor { stroke: var(--ink); stroke-width: 1; }
        .plot .brush { fill: var(--c0); fill-opacity: .16; stroke: var(--c0); stroke-width: 1; }
        html:not(.live) .hint { display: none; }
        .live .plot { cursor: crosshair; user-select: none; -webkit-user-select: none; }
        .live .plot .dot { cursor: pointer; }

        /* Tables */
        table { border-collapse: collapse; width: 100%; margin: 0 0 1.4rem; font-size: .88rem; }
        caption { text-align: left; color: var(--soft); padding-bottom: .3rem; }
        th, td { text-align: left; vertical-align: top; padding: .28rem .8rem .28rem 0; border-bottom: 1px solid var(--edge); }
        th { font-weight: 600; }
        thead th { color: var(--soft); font-weight: 400; }
        .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        .incidents th { white-space: nowrap; }
        .events { table-layout: fixed; }
        .events th { white-space: nowrap; font-variant-numeric: tabular-nums; font-weight: 400; }
        .events th:first-child { width: 8.5rem; }
        .events th:last-child { width: 30%; }
        .events .l0 td, .events .l6 td { font-weight: 600; }
        .events td.source { font-weight: 400; }
        tr:target, tr.near { background: var(--raised); outline: 2px solid var(--c1); }
        .findings { list-style: none; margin: 0; padding: 0; display: grid; gap: .7rem;
          grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); }
        .findings > li { border-left: 4px solid var(--edge); padding: .1rem 0 .1rem .8rem; break-inside: avoid; }
        .findings p { margin: .2rem 0; }
        .findings h3 b { margin-right: .35rem; font-weight: 400; font-size: .78rem;
          text-transform: uppercase; letter-spacing: .05em; color: var(--soft); }
        .findings .v0 { border-left-style: dashed; }
        .findings .v1 { border-color: var(--c2); }
        .findings .v3 { border-color: var(--alarm); }
        .findings .v3 > h3 b { color: var(--alarm); }
        article.kill { border-left: 4px solid var(--alarm); padding: .1rem 0 .1rem .9rem; margin-bottom: 1.2rem; break-inside: avoid; }
        article.kill ul { margin: .3rem 0; padding-left: 1.2rem; font-size: .9rem; }
        article.kill p { margin: .2rem 0; }
        @media (max-width: 40rem) {
          .events th:last-child, .events td.source { display: none; }
          th, td { padding-right: .5rem; }
        }

        @media print {
          body { font-size: 9.5pt; padding: 0; max-width: none; }
          .skip, .hint { display: none; }
          .scale { position: static; }
          #charts { border-top-color: #000; }
          * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
          .chain { grid-template-columns: repeat(3, 1fr); }
          .panel, .scale { grid-template-columns: 11rem minmax(0, 1fr); gap: 0 5.4rem; }
          .plot text.y { text-anchor: end; transform: translateX(-9px); }
          a { color: inherit; text-decoration: none; }
        }

        """
}
