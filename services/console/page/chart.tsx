import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type uPlot from 'uplot'
import type { HistoryPoint } from '../snapshot.ts'
import { minute } from './format.ts'
import { points, theme } from './state.ts'

export interface ChartSeries {
  label: string
  /** The name of a color of the page, such as `accent`. */
  color: 'accent' | 'ok' | 'warn' | 'bad'
  of(point: HistoryPoint): number | null
}

export interface ChartSettings {
  title: string
  /** What the values are measured in, such as `uploads a second`. */
  unit: string
  series: readonly ChartSeries[]
  /** Returns a value with its unit. */
  format(value: number): string
  /** Shown while there are no values, with the reason. */
  empty: string
}

const HEIGHT = 150
/** With fewer points, a line would be a dot. */
const MIN_SPAN_S = 300

/** Lines of the last hour, with axes. The library is loaded when the first chart has something to show. */
export function Chart({ title, unit, series, format, empty }: ChartSettings) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  /** The point under the pointer. */
  const chosen = useSignal<number | null>(null)
  const all = points.value
  const known = all.some(point => series.some(({ of }) => of(point) !== null))

  useEffect(() => {
    if (!known || !box.current) return
    const container = box.current
    let isGone = false
    const dark = matchMedia('(prefers-color-scheme: dark)')
    const draw = async () => {
      const { default: Plot } = await import('uplot')
      if (isGone) return
      plot.current?.destroy()
      plot.current = new Plot(optionsOf(container, series, format, chosen), dataOf(points.value, series), container)
    }
    const redraw = () => void draw()
    const resized = new ResizeObserver(() => {
      plot.current?.setSize({ width: container.clientWidth, height: HEIGHT })
    })
    dark.addEventListener('change', redraw)
    resized.observe(container)
    redraw()
    return () => {
      isGone = true
      dark.removeEventListener('change', redraw)
      resized.disconnect()
      plot.current?.destroy()
      plot.current = undefined
    }
  }, [known, theme.value])
  useEffect(() => {
    plot.current?.setData(dataOf(all, series))
  }, [all])

  const point = all[chosen.value ?? all.length - 1]
  const values = series.map(({ label, of }) => {
    const value = point ? of(point) : null
    return { label, text: value === null ? '–' : format(value) }
  })
  return (
    <div class="panel chart-panel">
      <h3>
        {title} <span class="muted">{unit}</span>
      </h3>
      <ul class="plain legend">
        {values.map(({ label, text }, index) => (
          <li key={label}>
            <span class={`swatch ${series[index]?.color}`} aria-hidden="true" /> {label} <strong>{text}</strong>
          </li>
        ))}
        {chosen.value !== null && point && <li class="muted">at {minute(point.at)}</li>}
      </ul>
      {known ? (
        <div
          ref={box}
          class="chart"
          role="img"
          aria-label={`${title}: ${values.map(({ label, text }) => `${label} ${text}`).join(', ')}`}
        />
      ) : (
        <p class="chart empty-chart muted">{empty}</p>
      )}
    </div>
  )
}

function dataOf(all: readonly HistoryPoint[], series: readonly ChartSeries[]): uPlot.AlignedData {
  return [all.map(({ at }) => at / 1_000), ...series.map(({ of }) => all.map(of))]
}

function optionsOf(
  container: HTMLElement,
  series: readonly ChartSeries[],
  format: (value: number) => string,
  chosen: { value: number | null },
): uPlot.Options {
  const style = getComputedStyle(container)
  const color = (name: string) => resolved(container, `var(--${name})`)
  const axis: uPlot.Axis = {
    stroke: color('muted'),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: color('line'), width: 1 },
    ticks: { show: false },
  }
  return {
    width: container.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: { range: (_plot, from, to) => [Math.min(from, to - MIN_SPAN_S), to] },
      y: { range: (_plot, _from, to) => [0, to > 0 ? to * 1.1 : 1] },
    },
    axes: [
      { ...axis, size: 26, space: 60, values: (_plot, splits) => splits.map(split => minute(split * 1_000)) },
      { ...axis, size: 58, space: 34, values: (_plot, splits) => splits.map(format) },
    ],
    series: [
      {},
      ...series.map(({ label, color: name }) => ({
        label,
        stroke: color(name),
        width: 1.5,
        points: { show: false },
        spanGaps: false,
      })),
    ],
    hooks: {
      setCursor: [
        ({ cursor: { idx } }) => {
          chosen.value = idx ?? null
        },
      ],
    },
  }
}

/** A canvas understands neither variables nor light-dark(). */
function resolved(container: HTMLElement, color: string): string {
  const probe = document.createElement('span')
  probe.style.color = color
  container.append(probe)
  const found = getComputedStyle(probe).color
  probe.remove()
  return found
}
