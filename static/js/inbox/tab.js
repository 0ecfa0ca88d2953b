// Values that are kept for this tab, where storage is allowed.

export const stored = {
  get(name) {
    try { return sessionStorage.getItem(`inbox-${name}`) ?? ""; } catch { return ""; }
  },
  set(name, value) {
    try {
      if (value) sessionStorage.setItem(`inbox-${name}`, value);
      else sessionStorage.removeItem(`inbox-${name}`);
    } catch { /* storage is not allowed */ }
  },
  take(name) {
    const value = this.get(name);
    this.set(name, "");
    return value;
  },
};
