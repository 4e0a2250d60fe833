import { type Static, type TObject, Type } from 'typebox'
import { Value } from 'typebox/value'
import { EventBridgeError } from './errors.ts'
import { busArn, busNameOf, DEFAULT_BUS, ruleArn, streamNameOf } from './names.ts'
import { compilePattern } from './pattern.ts'
import { type BusEvent, MAX_ENTRIES_BYTES, putEventsInput, sizeOf, toEvent } from './put-events.ts'
import type { Rule, Rules, Target } from './rules.ts'

export interface OperationsSettings {
  rules: Rules
  /** Resolves once every change of the rules is stored. */
  save(): Promise<void>
  putOnStream: PutOnStream
  /** Called when an event does not reach a target. EventBridge has accepted the event by then. */
  report(error: unknown): void
}

/** Puts an event on a stream. Rejects if that fails. */
export type PutOnStream = (stream: string, event: BusEvent) => Promise<void>

export type Operation = (input: object) => Promise<object>

const name = Type.String({ pattern: '^[.\\w-]{1,64}$' })
const bus = Type.Optional(Type.String({ minLength: 1 }))
const ofRule = Type.Object({ Rule: name, EventBusName: bus })
const targets = Type.Array(Type.Object({ Id: name, Arn: Type.String({ minLength: 1, maxLength: 1_600 }) }), {
  minItems: 1,
  maxItems: 100,
})

/** Creates the operations of an EventBridge with one event bus, whose rules have streams of Kinesis as targets. */
export function createOperations(settings: OperationsSettings): Readonly<Record<string, Operation>> {
  const { rules, save, putOnStream, report } = settings

  function ruleOf(ruleName: string): Rule {
    const rule = rules.get(ruleName)
    if (!rule)
      throw new EventBridgeError('ResourceNotFoundException', `Rule ${ruleName} does not exist on EventBus default.`)
    return rule
  }

  function deliver(event: BusEvent): void {
    for (const { isEnabled, matches, targets } of rules.values()) {
      if (!isEnabled || !matches(event)) continue
      for (const { Arn } of targets.values()) putOnStream(streamNameOf(Arn) ?? '', event).catch(report)
    }
  }

  /** An operation that changes the rules. It answers when the change is stored. */
  const change = <T extends TObject>(schema: T, run: (input: Static<T>) => object): Operation => {
    const runOnce = operation(schema, run)
    return async input => {
      const output = await runOnce(input)
      await save()
      return output
    }
  }

  return {
    PutEvents: operation(putEventsInput, ({ Entries }) => {
      const bytes = Entries.reduce((sum, entry) => sum + sizeOf(entry), 0)
      if (bytes > MAX_ENTRIES_BYTES) {
        throw new EventBridgeError(
          'ValidationException',
          `Total size of the entries in the request is over the limit: ${bytes} bytes.`,
        )
      }
      const results = Entries.map(toEvent).map(result => {
        if (!('event' in result)) return result
        // AWS accepts an event for an event bus that does not exist, and drops it.
        if (result.bus === DEFAULT_BUS) deliver(result.event)
        return { EventId: result.event.id }
      })
      return { FailedEntryCount: results.filter(result => 'ErrorCode' in result).length, Entries: results }
    }),
    PutRule: change(
      Type.Object({
        Name: name,
        EventPattern: Type.String({ minLength: 1, maxLength: 4_096 }),
        State: Type.Optional(Type.Enum(['ENABLED', 'DISABLED'])),
        EventBusName: bus,
      }),
      ({ Name, EventPattern, State = 'ENABLED', EventBusName }) => {
        checkBus(EventBusName)
        const matches = compilePattern(EventPattern)
        const targets = rules.get(Name)?.targets ?? new Map<string, Target>()
        rules.set(Name, { name: Name, pattern: EventPattern, isEnabled: State === 'ENABLED', matches, targets })
        return { RuleArn: ruleArn(Name) }
      },
    ),
    PutTargets: change(Type.Object({ ...ofRule.properties, Targets: targets }), ({ Rule, Targets, EventBusName }) => {
      checkBus(EventBusName)
      const rule = ruleOf(Rule)
      const failed = Targets.filter(({ Arn }) => streamNameOf(Arn) === undefined)
      for (const { Id, Arn } of Targets) if (streamNameOf(Arn) !== undefined) rule.targets.set(Id, { Id, Arn })
      return failures(
        failed.map(({ Id, Arn }) => ({
          TargetId: Id,
          ErrorCode: 'ValidationException',
          ErrorMessage: `The embedded EventBridge has only streams of Kinesis as targets, not ${Arn}.`,
        })),
      )
    }),
    RemoveTargets: change(
      Type.Object({ ...ofRule.properties, Ids: Type.Array(name, { minItems: 1, maxItems: 100 }) }),
      ({ Rule, Ids, EventBusName }) => {
        checkBus(EventBusName)
        const rule = ruleOf(Rule)
        for (const id of Ids) rule.targets.delete(id)
        return failures([])
      },
    ),
    DeleteRule: change(Type.Object({ Name: name, EventBusName: bus }), ({ Name, EventBusName }) => {
      checkBus(EventBusName)
      if ((rules.get(Name)?.targets.size ?? 0) > 0) {
        throw new EventBridgeError('ValidationException', "Rule can't be deleted since it has targets.")
      }
      rules.delete(Name)
      return {}
    }),
    ListRules: operation(Type.Object({ EventBusName: bus }), ({ EventBusName }) => {
      checkBus(EventBusName)
      const listed = [...rules.values()].map(rule => ({
        Name: rule.name,
        Arn: ruleArn(rule.name),
        EventPattern: rule.pattern,
        State: rule.isEnabled ? 'ENABLED' : 'DISABLED',
        EventBusName: DEFAULT_BUS,
      }))
      return { Rules: listed }
    }),
    ListTargetsByRule: operation(ofRule, ({ Rule, EventBusName }) => {
      checkBus(EventBusName)
      return { Targets: [...ruleOf(Rule).targets.values()] }
    }),
    DescribeEventBus: operation(Type.Object({ Name: bus }), ({ Name = DEFAULT_BUS }) => {
      checkBus(Name)
      return { Name: DEFAULT_BUS, Arn: busArn(DEFAULT_BUS) }
    }),
  }
}

function operation<T extends TObject>(schema: T, run: (input: Static<T>) => object): Operation {
  return async input => {
    const [error] = Value.Errors(schema, input)
    if (error) {
      throw new EventBridgeError(
        'ValidationException',
        `1 validation error detected: ${error.instancePath || 'the input'} ${error.message}`,
      )
    }
    return run(input as Static<T>)
  }
}

function checkBus(nameOrArn: string | undefined): void {
  const bus = busNameOf(nameOrArn ?? DEFAULT_BUS)
  if (bus !== DEFAULT_BUS) throw new EventBridgeError('ResourceNotFoundException', `Event bus ${bus} does not exist.`)
}

function failures(FailedEntries: object[]): object {
  return { FailedEntryCount: FailedEntries.length, FailedEntries }
}
