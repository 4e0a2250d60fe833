import { setTimeout as pass } from 'node:timers/promises'
import { cbor } from '@smithy/core/cbor'
import type { SeededRandom } from '../../simulation/random.ts'
import { type Fault, type FaultProxy, type Match, operation } from '../../support/fault-proxy.ts'
import { internalError, throttled } from '../../support/faults/aws-errors.ts'
import { cutReplyAfter, delay, loseReply, reset } from '../../support/faults/faults.ts'
import { refuseRecords } from '../../support/faults/refuse-records.ts'
import type { Service, ServiceState } from '../plan/schedule.ts'

export interface ServiceFault {
  service: Service
  state: ServiceState
  /** The probability for a request that can have this fault. */
  chance: number
  forMs: number
}

const MAX_DELAY_MS = 2_000
const MAX_BYTES = 300

/** Makes some requests of a service fail for a while. */
export async function degradeService(proxy: FaultProxy, fault: ServiceFault, random: SeededRandom): Promise<void> {
  const may = MATCHES[fault.state] ?? (() => true)
  const when: Match = request => may(request) && random.chance(fault.chance)
  const injection = proxy.inject(faultOf(fault, random), { when })
  await pass(fault.forMs)
  injection.remove()
}

const MATCHES: Partial<Record<ServiceState, Match>> = { partial: operation('PutRecords') }

function faultOf({ service, state }: ServiceFault, random: SeededRandom): Fault {
  switch (state) {
    case 'throttled':
      return inItsFormat(throttled(service), 400, 'ProvisionedThroughputExceededException')
    case 'failing':
      return inItsFormat(internalError(service), 500, 'InternalFailure')
    case 'resetting':
      return reset
    case 'losing':
      return loseReply
    case 'slow':
      return exchange => delay(random.between(20, MAX_DELAY_MS))(exchange)
    case 'cutting':
      return exchange => cutReplyAfter(random.integer(1, MAX_BYTES))(exchange)
    case 'partial':
      return refuseRecords(() => random.chance(0.5))
  }
}

/** Kinesis answers CBOR requests in CBOR. */
function inItsFormat(fault: Fault, status: number, code: string): Fault {
  return exchange => {
    const type = exchange.request.headers['content-type'] ?? ''
    if (!type.includes('cbor')) return fault(exchange)
    exchange.request.resume()
    exchange.response.writeHead(status, { 'content-type': type, 'x-amzn-requestid': 'INJECTED' })
    exchange.response.end(cbor.serialize({ __type: code, message: 'Injected by the test.' }))
  }
}
