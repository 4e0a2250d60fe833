import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { contradictions } from './contradictions.ts'
import { SettingsError } from './errors.ts'
import { presets } from './presets.ts'
import { type Settings, settingsSchema } from './schema.ts'

type Context = Readonly<Record<string, unknown>>

/**
 * Returns the settings of the context, over those of its preset, over the schema's defaults. The result is frozen.
 *
 * @param context CDK's context, where values that came by `-c` are strings
 * @throws SettingsError naming every setting that is unknown, invalid, or contradicts another
 */
export function readSettings(context: Context): Settings {
  const given = Object.fromEntries(Object.entries(context).filter(([key]) => !isOfCdk(key)))
  const preset = isPreset(given.preset) ? given.preset : 'dev'
  const parsed = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, parse(key, value)]))
  const settings = Value.Default(settingsSchema, Value.Convert(settingsSchema, { ...presets[preset], ...parsed }))
  const faults = [...unknown(given), ...wrong(settings)]
  if (faults.length > 0) throw new SettingsError(faults)
  const checked = settings as Settings
  const odd = contradictions(checked)
  if (odd.length > 0) throw new SettingsError(odd)
  return Object.freeze(checked)
}

/** A preset that does not exist is reported by the schema, like any other invalid value. */
function isPreset(value: unknown): value is Settings['preset'] {
  return typeof value === 'string' && Object.hasOwn(presets, value)
}

/** CDK keeps its own entries in the context too: `aws:cdk:…`, `@aws-cdk/…`, `availability-zones:account=…`. */
function isOfCdk(key: string): boolean {
  return /[:/@]/.test(key) || key === 'cli-telemetry'
}

/** Parses objects and lists, which come by `-c` as JSON. Invalid JSON stays a string, which the schema then rejects. */
function parse(key: string, value: unknown): unknown {
  const isObject = ['apiEnvironment', 'workerEnvironment', 'notifications'].includes(key)
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
  // Each property is checked by itself: TypeBox reports at most eight errors of an object.
  return Object.entries(settingsSchema.properties).flatMap(([name, property]) =>
    Value.Errors(Type.Object({ [name]: property }), settings).map(({ message }) => `${name}: ${message}`),
  )
}
