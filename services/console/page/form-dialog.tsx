import { type Signal, useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import type { Failure } from '../snapshot.ts'
import { RequestError } from './api.ts'
import { FailureBox } from './parts.tsx'

export interface FormDialogSettings {
  /** The text of the button that opens the dialog. */
  button: string
  title: string
  /** What the change does, and to how many. */
  text: string
  /** The text of the button that makes the change. */
  submit: string
  /** Makes the change. Its RequestError is shown, and the dialog stays open. */
  onSubmit(): Promise<void>
  /** The fields. */
  children: ComponentChildren
}

/** A button that opens a dialog with a form. The dialog says what happens before anything changes. */
export function FormDialog({ button, title, text, submit, onSubmit, children }: FormDialogSettings) {
  const dialog = useRef<HTMLDialogElement>(null)
  const failure = useSignal<Failure | undefined>(undefined)

  async function send(): Promise<void> {
    failure.value = undefined
    try {
      await onSubmit()
      dialog.current?.close()
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      failure.value = error.failure
    }
  }

  return (
    <>
      <button type="button" onClick={() => dialog.current?.showModal()}>
        {button}
      </button>
      <dialog ref={dialog} aria-label={title}>
        <form
          onSubmit={event => {
            event.preventDefault()
            void send()
          }}
        >
          <h2>{title}</h2>
          <p>{text}</p>
          {children}
          {failure.value && <FailureBox failure={failure.value} />}
          <div class="actions">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" class="primary">
              {submit}
            </button>
          </div>
        </form>
      </dialog>
    </>
  )
}

export interface FieldSettings {
  label: string
  value: Signal<string>
  maxLength: number
  isRequired?: boolean
}

/** A text field of a form. */
export function TextField({ label, value, maxLength, isRequired = false }: FieldSettings) {
  return (
    <label>
      {label}
      <input
        required={isRequired}
        maxLength={maxLength}
        value={value.value}
        onInput={event => {
          value.value = event.currentTarget.value
        }}
      />
    </label>
  )
}
