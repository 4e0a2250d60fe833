import type { TreeUsage } from './limits/memory-watch.ts'
import type { Verdict } from './verdicts.ts'

export interface InnocentTimes {
  uploads: number
  p50: number
  p99: number
  max: number
}

export function timesOf(milliseconds: readonly number[]): InnocentTimes {
  const sorted = milliseconds.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { uploads: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 }
}

/** What each process used, by its name: before the run, at its peak, and after it had come to rest. */
export type Usages = Readonly<Record<'idle' | 'peak' | 'rest', ReadonlyMap<string, TreeUsage>>>

/** Returns the tables of a run. */
export function describeRun(
  verdicts: readonly Verdict[],
  innocent: Readonly<Record<string, InnocentTimes>>,
  { idle, peak, rest }: Usages,
): string {
  const inMiB = (usage: TreeUsage | undefined) => (usage ? String(Math.round(usage.rssMiB)) : '')
  return [
    ...verdictLines(verdicts),
    '',
    row(['small texts of another owner', 'number', 'p50 ms', 'p99 ms', 'max ms']),
    ...Object.entries(innocent).map(([what, { uploads, p50, p99, max }]) =>
      row([what, ...[uploads, p50, p99, max].map(value => String(Math.round(value)))]),
    ),
    '',
    row(['process and its children, MiB', 'idle', 'peak', 'at rest', 'processes', 'files']),
    ...[...peak].map(([name, most]) =>
      row([
        name,
        ...[idle.get(name), most, rest.get(name)].map(inMiB),
        ...[most.processes, most.descriptors].map(String),
      ]),
    ),
  ].join('\n')
}

function verdictLines(verdicts: readonly Verdict[]): string[] {
  const byKind = Map.groupBy(verdicts, ({ sent }) => sent.kind.name)
  const lines = [row(['kind', 'files', 'p50 ms', 'max ms', 'ends'])]
  for (const [kind, all] of byKind) {
    const { p50, max } = timesOf(all.flatMap(({ lastedMs }) => lastedMs ?? []))
    const ends = Map.groupBy(all, ({ end }) => end ?? 'none')
    const summary = [...ends].map(([end, some]) => `${end.replace('HEADGATE_', '')} ${some.length}`).join(', ')
    lines.push(row([kind, String(all.length), String(p50), String(max), summary]))
  }
  return lines
}

const row = ([first = '', ...cells]: readonly string[]) =>
  [first.padEnd(46), ...cells.map(cell => cell.padStart(9))].join(' ')
