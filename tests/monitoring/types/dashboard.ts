// Grafana's own types over what is generated. Words in capitals are put in by the test.
import type { Dashboard } from '@grafana/schema';
import type { Options as Heatmap } from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type { Options as StateTimeline } from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type { Options as Stat } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type { Options as Table } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type { Options as TimeSeries } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

// In JSON an enumeration is its words; and what a later version of Grafana wants besides is not asked for.
type Json<T> = T extends string ? `${T}`
  : T extends number | boolean | null | undefined ? T
  : T extends readonly (infer Item)[] ? Json<Item>[]
  : T extends object ? { [Key in keyof T]?: Json<T[Key]> }
  : T;

export const dashboard = DASHBOARD satisfies Json<Dashboard>;
export const timeseries = OPTIONS(timeseries) satisfies Json<TimeSeries>[];
export const stat = OPTIONS(stat) satisfies Json<Stat>[];
export const table = OPTIONS(table) satisfies Json<Table>[];
export const heatmap = OPTIONS(heatmap) satisfies Json<Heatmap>[];
export const timeline = OPTIONS(state-timeline) satisfies Json<StateTimeline>[];
