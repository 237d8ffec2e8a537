// A plain textarea with line numbers and marks on lines. What is typed is sent on blur and on Ctrl+Enter; until the server has
// it, it also lies in sessionStorage, so that no rerun, poll or change of view loses a letter.
const kept = new WeakMap()

const stored = (key) => { try { return JSON.parse(sessionStorage.getItem(key)) } catch { return null } }
const store = (key, value) => { try { value ? sessionStorage.setItem(key, JSON.stringify(value)) : sessionStorage.removeItem(key) } catch {} }

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".editor")
  const area = root.querySelector("textarea"), gutter = root.querySelector(".gutter")
  const bands = root.querySelector(".bands"), note = root.querySelector(".new")
  const name = "penstock-editor:" + data.name
  let me = kept.get(parentElement)
  if (!me) {
    me = { seen: data.text, sent: null, free: false }
    kept.set(parentElement, me)
    const left = stored(name)
    area.value = left && left.base === data.text ? left.text : data.text
  } else if (data.text !== me.seen) {
    me.seen = data.text
    if (data.text !== me.sent && data.text !== area.value) area.value = data.text
  }
  if (area.value === data.text) store(name, null)

  const marks = new Set((data.marks || []).map((m) => m.line))
  const scroll = () => {
    gutter.scrollTop = area.scrollTop
    bands.style.transform = `translateY(${-area.scrollTop}px)`
  }
  const draw = () => {
    const lines = area.value.split("\n").length
    const clean = area.value === me.seen
    gutter.replaceChildren(...Array.from({ length: lines }, (_, n) => {
      const mark = clean && marks.has(n + 1)
      const row = document.createElement(mark ? "b" : "span")
      row.textContent = n + 1
      if (mark) row.title = data.marks.filter((m) => m.line === n + 1).map((m) => m.text).join("\n")
      return row
    }).flatMap((row) => [row, "\n"]))
    bands.replaceChildren(...(clean ? [...marks] : []).map((line) => {
      const band = document.createElement("i")
      band.style.top = `calc(.7rem + ${line - 1} * 1.55em)`
      return band
    }))
    note.textContent = clean ? "" : "Not applied yet. "
    root.classList.toggle("bad", clean && marks.size > 0)
    scroll()
  }
  const send = () => {
    if (area.value === me.seen) return
    me.sent = area.value
    setTriggerValue("sent", area.value)
  }
  const insert = (text) => {
    if (!document.execCommand("insertText", false, text)) area.setRangeText(text, area.selectionStart, area.selectionEnd, "end")
  }
  const outdent = () => {
    const from = area.value.lastIndexOf("\n", area.selectionStart - 1) + 1
    const blanks = area.value.slice(from, from + 2).match(/^ */)[0].length
    if (!blanks) return
    const at = Math.max(from, area.selectionStart - blanks)
    area.setSelectionRange(from, from + blanks)
    if (!document.execCommand("delete")) area.setRangeText("", from, from + blanks, "end")
    area.setSelectionRange(at, at)
  }
  const indentOf = (at) => area.value.slice(area.value.lastIndexOf("\n", at - 1) + 1, at).match(/^ */)[0]

  area.setAttribute("aria-label", data.label)
  area.setAttribute("aria-invalid", marks.size > 0 ? "true" : "false")
  area.oninput = () => { store(name, { base: me.seen, text: area.value }); draw() }
  area.onscroll = scroll
  area.onblur = () => { me.free = false; send() }
  area.onkeydown = (event) => {
    if (event.key === "Escape") { me.free = true; return }
    if (event.key === "Tab" && !me.free && !event.ctrlKey && !event.altKey) {
      event.preventDefault()
      event.shiftKey ? outdent() : insert("  ")
      area.oninput()
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault()
      send()
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault()
      insert("\n" + indentOf(area.selectionStart))
      area.oninput()
    }
    if (event.key !== "Tab" && event.key !== "Shift") me.free = false
  }
  draw()
  const first = Math.min(...marks), told = JSON.stringify(data.marks || [])
  if (marks.size && told !== me.told) {
    const high = parseFloat(getComputedStyle(area).lineHeight), at = (first - 1) * high
    if (at < area.scrollTop || at > area.scrollTop + area.clientHeight - 3 * high) area.scrollTop = Math.max(0, at - area.clientHeight / 3)
  }
  me.told = told
}
