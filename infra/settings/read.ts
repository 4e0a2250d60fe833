import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { contradictions } from './contradictions.ts'
import { SettingsError } from './errors.ts'
import { presets } from './presets.ts'
import { type Settings, settingsSchema } from './schema.ts'

type Context = Readonly<Record<string, unknown>>

/**
 * The settings that the context of the app asks for, over those of its preset, over the schema's defaults. Frozen.
 *
 * @param context as CDK has it: strings where they came by `-c`
 * @throws SettingsError naming every setting that is unknown, wrong, or at odds with another
 */
export function readSettings(context: Context): Settings {
  const given = Object.fromEntries(Object.entries(context).filter(([key]) => !isOfCdk(key)))
  const preset = given.preset === 'prod' ? 'prod' : 'dev'
  const parsed = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, parse(key, value)]))
  const settings = Value.Default(settingsSchema, Value.Convert(settingsSchema, { ...presets[preset], ...parsed }))
  const faults = [...unknown(given), ...wrong(settings)]
  if (faults.length > 0) throw new SettingsError(faults)
  const checked = settings as Settings
  const odd = contradictions(checked)
  if (odd.length > 0) throw new SettingsError(odd)
  return Object.freeze(checked)
}

/** CDK keeps what is its own in the same place: `aws:cdk:…`, `@aws-cdk/…`, `availability-zones:account=…`. */
function isOfCdk(key: string): boolean {
  return /[:/@]/.test(key) || key === 'cli-telemetry'
}

/** Objects come as JSON, by `-c`. What is no JSON is left to the check. */
function parse(key: string, value: unknown): unknown {
  const isObject = key === 'apiEnvironment' || key === 'workerEnvironment'
  if (!isObject || typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

function unknown(given: Context): string[] {
  return Object.keys(given)
    .filter(key => !(key in settingsSchema.properties))
    .map(key => `${key}: there is no such setting`)
}

function wrong(settings: unknown): string[] {
  // Each for itself: of a whole object TypeBox tells no more than eight.
  return Object.entries(settingsSchema.properties).flatMap(([name, property]) =>
    Value.Errors(Type.Object({ [name]: property }), settings).map(({ message }) => `${name}: ${message}`),
  )
}
