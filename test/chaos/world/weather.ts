import { setTimeout as pass } from 'node:timers/promises'
import { cbor } from '@smithy/core/cbor'
import type { SeededRandom } from '../../simulation/random.ts'
import { type Fault, type FaultProxy, type Match, operation } from '../../support/fault-proxy.ts'
import { internalError, throttled } from '../../support/faults/aws-errors.ts'
import { cutReplyAfter, delay, loseReply, reset } from '../../support/faults/faults.ts'
import { refuseRecords } from '../../support/faults/refuse-records.ts'
import type { Service, Weather } from '../plan/schedule.ts'

export interface Storm {
  service: Service
  weather: Weather
  /** Of the requests that could have it. */
  chance: number
  forMs: number
}

const MOST_DELAY_MS = 2_000
const MOST_BYTES = 300

/** Lets some of a service's requests fail for a while. */
export async function brew(proxy: FaultProxy, storm: Storm, random: SeededRandom): Promise<void> {
  const may = MATCHES[storm.weather] ?? (() => true)
  const when: Match = request => may(request) && random.chance(storm.chance)
  const injection = proxy.inject(faultOf(storm, random), { when })
  await pass(storm.forMs)
  injection.remove()
}

const MATCHES: Partial<Record<Weather, Match>> = { partial: operation('PutRecords') }

function faultOf({ service, weather }: Storm, random: SeededRandom): Fault {
  switch (weather) {
    case 'throttled':
      return inItsFormat(throttled(service), 400, 'ProvisionedThroughputExceededException')
    case 'failing':
      return inItsFormat(internalError(service), 500, 'InternalFailure')
    case 'resetting':
      return reset
    case 'losing':
      return loseReply
    case 'slow':
      return exchange => delay(random.between(20, MOST_DELAY_MS))(exchange)
    case 'cutting':
      return exchange => cutReplyAfter(random.integer(1, MOST_BYTES))(exchange)
    case 'partial':
      return refuseRecords(() => random.chance(0.5))
  }
}

/** Kinesis answers whoever asks in CBOR in CBOR. */
function inItsFormat(fault: Fault, status: number, code: string): Fault {
  return exchange => {
    const type = exchange.request.headers['content-type'] ?? ''
    if (!type.includes('cbor')) return fault(exchange)
    exchange.request.resume()
    exchange.response.writeHead(status, { 'content-type': type, 'x-amzn-requestid': 'INJECTED' })
    exchange.response.end(cbor.serialize({ __type: code, message: 'Injected by the test.' }))
  }
}
