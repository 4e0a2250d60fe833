import { Chart } from '../chart.tsx'
import { latency, preciseDuration, rate } from '../format.ts'
import { summary } from '../state.ts'

const SOON = 'A line appears while this page is open.'

/** The last hour. What only the processes know, such as the rate of failures, needs their metrics. */
export function Charts() {
  const hasPages = summary.value?.throughput != null
  return (
    <section aria-labelledby="hour">
      <h2 id="hour">The last hour</h2>
      <div class="charts">
        {hasPages ? (
          <Chart
            title="Uploads"
            unit="a second"
            format={rate}
            empty={SOON}
            series={[
              { label: 'accepted', color: 'accent', of: point => point.acceptedPerSecond },
              { label: 'processed', color: 'ok', of: point => point.processedPerSecond },
              { label: 'failed', color: 'bad', of: point => point.failedPerSecond },
            ]}
          />
        ) : (
          <Chart
            title="Arriving records"
            unit="a second, estimated from samples"
            format={rate}
            empty={SOON}
            series={[{ label: 'records', color: 'accent', of: point => point.recordsPerSecond }]}
          />
        )}
        {hasPages && (
          <Chart
            title="Latency"
            unit="from the acceptance of an upload to its end"
            format={latency}
            empty="No upload has ended since this page was opened."
            series={[
              { label: 'p50', color: 'accent', of: point => point.latencyP50Ms },
              { label: 'p99', color: 'warn', of: point => point.latencyP99Ms },
            ]}
          />
        )}
        <Chart
          title="Behind"
          unit="age of the oldest record that waits"
          format={preciseDuration}
          empty={SOON}
          series={[{ label: 'slowest shard', color: 'accent', of: point => point.maxLagMs }]}
        />
      </div>
    </section>
  )
}
